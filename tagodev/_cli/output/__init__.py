"""Output: streams, console messages, tables, JSON, CSV and progress."""
