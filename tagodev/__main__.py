"""``python -m tagodev``: the command line."""

from __future__ import annotations

import sys

from tagodev._cli import main

sys.exit(main())
