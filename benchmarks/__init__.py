"""Benchmarks: programs that measure what tagodev promises, each in one run."""
