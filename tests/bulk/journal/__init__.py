"""Tests of `tagodev.bulk.journal`."""
