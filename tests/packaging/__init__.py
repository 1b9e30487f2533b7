"""The package as other people get it: what ``nox -s build install`` looks at."""
