"""Tests of `tagodev.provision.read.formats`."""
