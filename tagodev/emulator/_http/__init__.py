"""The emulator behind HTTP: routing, validation, pagination, limits, faults."""
