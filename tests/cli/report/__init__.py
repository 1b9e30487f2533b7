"""Tests of `tagodev.cli.report`."""
