"""Clients of the comparison: each runs the same job in a separate process.

`benchmarks.compare` starts ``python -m benchmarks.rivals NAME`` (or Node, with the same protocol),
sends a `Job` as a line of JSON, and reads ``ready`` when everything is imported and open.
The next line starts the job; the last line of output is the result.
"""
