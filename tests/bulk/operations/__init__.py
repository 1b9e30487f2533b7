"""Tests of `tagodev.bulk.operations`."""
