"""Tests of `tagodev.resources.requests`."""
