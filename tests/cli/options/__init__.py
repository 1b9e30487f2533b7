"""Tests of `tagodev.cli.options`."""
