"""Tests of `tagodev.provision._apply`."""
