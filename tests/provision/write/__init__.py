"""Tests of `tagodev.provision.write`."""
