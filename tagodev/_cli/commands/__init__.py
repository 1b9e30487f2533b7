"""The commands that talk to the service directly, one module a noun."""
