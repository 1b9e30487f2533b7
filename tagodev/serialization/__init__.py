"""Serialization: the cattrs converter, and fast structuring of answers."""
