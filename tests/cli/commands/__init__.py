"""Tests of `tagodev._cli.commands`."""
