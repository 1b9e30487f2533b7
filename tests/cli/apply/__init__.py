"""Tests of `tagodev._cli.apply`."""
