"""Client-side rate limiting: decides which request may be sent, and when. Independent of HTTP."""
