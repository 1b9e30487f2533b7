"""Tests of `tagodev.provision._write`."""
