"""Parsers of CSV, JSON, YAML and Excel files to records."""
