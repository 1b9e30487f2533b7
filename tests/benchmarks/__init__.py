"""The harness of the benchmarks: that it measures what it says."""
