"""Tests of `tagodev.cli`."""
