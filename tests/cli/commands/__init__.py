"""Tests of `tagodev.cli.commands`."""
