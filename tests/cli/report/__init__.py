"""Tests of `tagodev._cli.report`."""
