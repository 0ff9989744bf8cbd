# SPDX-License-Identifier: BSD-3-Clause
"""One row of the times of targeting.py, in a process that has a number of threads: JSON on the last line."""

from __future__ import annotations

import argparse
import json
import sys

import targeting_rows as rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("head")
    parser.add_argument("threads", type=int)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    print(json.dumps(rows.searches(args.head, args.threads, args.quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
