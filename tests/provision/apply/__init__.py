"""Tests of `tagodev.provision.apply`."""
