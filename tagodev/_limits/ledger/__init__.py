"""Ledgers: where charges are counted, in memory, in SQLite or in Redis."""
