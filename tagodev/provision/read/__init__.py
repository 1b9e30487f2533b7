"""Readers: device lists in CSV, JSON, YAML and Excel, up to validated rows."""
