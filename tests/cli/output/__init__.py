"""Tests of `tagodev.cli.output`."""
