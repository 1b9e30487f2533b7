"""Tests of `tagodev.cli.bulk`."""
