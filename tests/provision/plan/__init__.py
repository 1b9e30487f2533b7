"""Tests of `tagodev.provision._plan`."""
