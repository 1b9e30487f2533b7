"""The operations of bulk runs: create, edit, delete, rotate, set, send, apply."""
