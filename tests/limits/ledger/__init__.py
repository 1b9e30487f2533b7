"""Tests of `tagodev._limits.ledger`."""
