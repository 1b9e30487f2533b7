"""The clients that are compared: each does the same job, in a process of its own.

`benchmarks.compare` starts ``python -m benchmarks.rivals NAME`` (or Node, with the same habits),
gives it a `Job` as a line of JSON, and gets ``ready`` back when everything is imported and open.
The next line that it sends says when to begin; the last one that it gets tells what came of it.
"""
