"""Tests of `tagodev.cli.apply`."""
