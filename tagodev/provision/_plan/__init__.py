"""Plans: the actual state, the desired state and the difference between them."""
