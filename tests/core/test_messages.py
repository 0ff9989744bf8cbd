# SPDX-License-Identifier: BSD-3-Clause
"""Warnings point at the line of the caller, however deep in the package they are raised."""

import functools
import warnings
from pathlib import Path

import headfield
from headfield.core import messages


def test_no_file_of_the_package_counts_frames():
    package = Path(headfield.__file__).parent
    counting = [p.name for p in package.rglob("*.py") if "stacklevel" in p.read_text(encoding="utf-8")]
    assert counting == ["messages.py"]


def inside(code):
    """A function compiled as if it lay in the package."""
    names = {"warn": messages.warn, "functools": functools}
    exec(compile(code, messages._INSIDE[0] + "room/file.py", "exec"), names)
    return names["f"]


def test_a_warning_is_the_callers_from_any_depth():
    shallow = inside("def f(): warn('coarse')")
    deep = inside(
        "def g(n): return warn('coarse') if n == 0 else g(n - 1)\n"
        "class C:\n    @functools.cached_property\n    def value(self): return g(4)\n"
        "def f(): return C().value"
    )
    for function in (shallow, deep):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            function()
        assert [one.filename for one in caught] == [__file__]
        assert str(caught[0].message) == "coarse"
