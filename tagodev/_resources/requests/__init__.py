"""The requests that resource methods and bulk operations send."""
