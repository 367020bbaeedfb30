"""``python -m jupyter_complete``, the same as ``jupyter complete``."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
