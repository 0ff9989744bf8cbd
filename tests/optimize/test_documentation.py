# SPDX-License-Identifier: BSD-3-Clause
"""The examples of docs/derivatives.md run."""

import doctest
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_examples_run():
    failed, tried = doctest.testfile(str(DOCS / "derivatives.md"), module_relative=False)
    assert failed == 0
    assert tried > 12
