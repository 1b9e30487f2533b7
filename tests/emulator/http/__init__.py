"""Tests of `tagodev.emulator._http`."""
