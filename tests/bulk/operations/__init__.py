"""Tests of `tagodev._bulk.operations`."""
