"""``tagodev bulk``: bulk runs from files, their journals, results and summaries."""
