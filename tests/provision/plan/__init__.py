"""Tests of `tagodev.provision.plan`."""
