"""Tests of `tagodev.models`."""
