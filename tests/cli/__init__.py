"""Tests of `tagodev._cli`."""
