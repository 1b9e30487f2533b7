"""Writers: records as CSV, JSON Lines and YAML, and profile exports."""
