"""The emulator's routes, one module a resource."""
