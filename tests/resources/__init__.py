"""Tests of `tagodev.resources`."""
