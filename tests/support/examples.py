"""How many examples tests try: so many that all tests run often, or many more at leisure.

``TAGODEV_EXAMPLES`` multiplies them; ``nox -s crash`` does so.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["examples"]

_TIMES: Final = int(os.environ.get("TAGODEV_EXAMPLES", "1"))


def examples(number: int) -> int:
    """Return how many examples to try where there are so many by default."""
    return number * _TIMES
