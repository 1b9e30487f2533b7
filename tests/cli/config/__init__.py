"""Tests of `tagodev._cli.config`."""
