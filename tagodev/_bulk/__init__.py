"""Bulk runs: engine, operations, journals and outcomes."""
