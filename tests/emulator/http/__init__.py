"""Tests of `tagodev.emulator.http`."""
