"""Tests of `tagodev._bulk.journal`."""
