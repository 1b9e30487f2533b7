"""Tests of `tagodev.provision.read`."""
