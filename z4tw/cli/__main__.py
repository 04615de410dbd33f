"""``python -m z4tw.cli``: the ``z4`` command."""

import sys

from z4tw.cli import main

if __name__ == "__main__":
    sys.exit(main())
