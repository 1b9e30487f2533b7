"""Tests of `tagodev._cli.doctor`."""
