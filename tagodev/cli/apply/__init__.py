"""``tagodev apply``: options, the course of an apply, results and summary."""
