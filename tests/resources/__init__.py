"""Tests of `tagodev._resources`."""
