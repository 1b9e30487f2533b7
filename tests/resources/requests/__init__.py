"""Tests of `tagodev._resources.requests`."""
