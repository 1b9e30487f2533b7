"""Tests of `tagodev._cli.output`."""
