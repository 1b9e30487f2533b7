"""Tests of `tagodev._serialization`."""
