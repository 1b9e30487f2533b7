"""The scheduler: whose request may go, and when. Knows nothing of HTTP."""
