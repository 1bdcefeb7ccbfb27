"""`python -m backpropcli` is `backprop`."""

import sys

from backpropcli.cli import main

if __name__ == "__main__":
    sys.exit(main())
