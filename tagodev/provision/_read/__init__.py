"""Readers for device lists in CSV, JSON, YAML and Excel."""
