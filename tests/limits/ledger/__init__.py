"""Tests of `tagodev.limits.ledger`."""
