"""Tests of `tagodev.provision._read.formats`."""
