"""``tagodev apply``: options, session, results and summary."""
