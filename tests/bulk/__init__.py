"""Tests of `tagodev._bulk`."""
