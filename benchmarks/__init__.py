"""Benchmarks: programs that measure the figures that tagodev promises."""
