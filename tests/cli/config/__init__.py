"""Tests of `tagodev.cli.config`."""
