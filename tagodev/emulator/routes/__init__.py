"""The emulator's routes, one module per resource."""
