"""Tests of `tagodev.filesystem`."""
