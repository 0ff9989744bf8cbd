# SPDX-License-Identifier: BSD-3-Clause
"""The version: set in pyproject.toml, cited in CITATION.cff, and what an installed headfield says it is."""

import importlib
import re
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

import headfield as hf
from headfield.core import version

ROOT = Path(__file__).resolve().parents[2]


def stated():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", text, re.MULTILINE) == [stated()]


def test_the_package_says_its_version():
    if hf.__version__ == "unknown":
        pytest.skip("headfield is not installed")
    assert hf.__version__ == stated()


def test_no_installation_is_no_error(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    with monkeypatch.context() as patch:
        patch.setattr("importlib.metadata.version", missing)
        assert importlib.reload(version).VERSION == "unknown"
    assert hf.__version__ == importlib.reload(version).VERSION
