"""Tests of `tagodev._cli.bulk`."""
