"""File formats: records from CSV, JSON, YAML and Excel files."""
