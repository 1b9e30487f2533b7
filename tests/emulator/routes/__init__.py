"""Tests of `tagodev.emulator._routes`."""
