"""`python -m tfar.cli`: the command line without an entry point."""

import sys

from tfar.cli.main import main

sys.exit(main())
