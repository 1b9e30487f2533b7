"""Tests of `tagodev.emulator.routes`."""
