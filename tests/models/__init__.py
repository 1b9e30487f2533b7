"""Tests of `tagodev._models`."""
