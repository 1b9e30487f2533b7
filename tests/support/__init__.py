"""What several tests share: a scripted server, clients for it, strategies, a search for leaks."""
