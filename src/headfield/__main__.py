# SPDX-License-Identifier: BSD-3-Clause
"""`python -m headfield` is the command `headfield`."""

import sys

from .commands.main import main

if __name__ == "__main__":
    sys.exit(main())
