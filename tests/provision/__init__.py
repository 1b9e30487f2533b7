"""Tests of `tagodev.provision`."""
