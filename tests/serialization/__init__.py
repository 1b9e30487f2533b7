"""Tests of `tagodev.serialization`."""
