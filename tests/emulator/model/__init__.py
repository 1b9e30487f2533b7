"""Tests of `tagodev.emulator._model`."""
