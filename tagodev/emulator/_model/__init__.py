"""The emulator's state: devices, tokens, data, networks, and the saved file."""
