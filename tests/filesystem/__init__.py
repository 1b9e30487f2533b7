"""Tests of `tagodev._filesystem`."""
