"""Tests of `tagodev.bulk`."""
