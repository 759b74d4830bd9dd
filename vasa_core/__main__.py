"""``python -m vasa_core`` is the ``vasa`` command."""

import sys

from .cli import main

sys.exit(main())
