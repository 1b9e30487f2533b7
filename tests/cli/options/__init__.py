"""Tests of `tagodev._cli.options`."""
