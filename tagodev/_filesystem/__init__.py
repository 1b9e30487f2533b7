"""Atomic writes, process locks and the state folder."""
