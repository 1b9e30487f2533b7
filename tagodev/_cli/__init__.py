"""The command line: ``tagodev``."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> int:
    """Run the command line and return its exit code."""
    if any(find_spec(name) is None for name in ("cyclopts", "rich")):
        sys.stderr.write("The command line needs an extra: pip install 'tagodev[cli]'\n")
        return 3
    # It needs the extra that was looked for above.
    from tagodev._cli.app import run

    return run()
