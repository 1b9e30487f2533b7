"""Writers for CSV, JSON Lines and YAML, and for exports, plans and snapshots."""
