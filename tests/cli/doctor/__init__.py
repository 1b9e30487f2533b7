"""Tests of `tagodev.cli.doctor`."""
