"""`python -m envc`."""

import sys

from envc.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
