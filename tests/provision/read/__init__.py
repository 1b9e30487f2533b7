"""Tests of `tagodev.provision._read`."""
