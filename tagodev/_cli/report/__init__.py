"""``tagodev bulk report``: figures, charts and the HTML page of a run."""
