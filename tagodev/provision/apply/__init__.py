"""Applying a plan: guards, the snapshot, and the bulk run."""
