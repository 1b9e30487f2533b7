"""Tests of `tagodev.emulator.model`."""
