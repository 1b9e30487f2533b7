"""The plan: actual state, desired state, and the difference between them."""
