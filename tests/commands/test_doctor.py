# SPDX-License-Identifier: BSD-3-Clause
"""`headfield doctor`: what it says; a wrong answer, a failing GPU and an old package end it with 1."""

import json
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from headfield.commands import doctor
from headfield.commands import main as cli
from headfield.core import device as backend
from headfield.core import installation
from headfield.errors import DeviceError

ROOT = Path(__file__).resolve().parents[2]
CHECKED = doctor._check()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One solve is enough for all tests that are not about it."""
    monkeypatch.setattr(doctor, "_check", lambda: dict(CHECKED))


@pytest.fixture
def no_gpu(monkeypatch):
    def gpu():
        raise backend.NoGpu("no NVIDIA GPU was found")

    monkeypatch.setattr(backend, "gpu", gpu)


class Card:
    """Stands for a GPU as far as the doctor asks it."""

    id = 0

    class xp:
        class cuda:
            class runtime:
                @staticmethod
                def getDeviceProperties(number):
                    assert number == 0
                    return {"name": b"A card", "major": 9, "minor": 0, "totalGlobalMem": 80 * 10**9}

                @staticmethod
                def driverGetVersion():
                    return 13000

                @staticmethod
                def runtimeGetVersion():
                    return 12090

    @staticmethod
    def free_memory():
        return 79e9


def said(capsys, code):
    assert cli.main(["doctor"]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured


def test_text(capsys, no_gpu):
    lines = said(capsys, 0).out.splitlines()
    assert [line.split()[0] for line in lines][:3] == ["headfield", "Python", "packages"]
    assert f"numpy {np.__version__}" in lines[2]
    for words in (
        "in use: ",
        "OpenMP",
        "GPU           none: no NVIDIA GPU was found",
        "from the closed form",
    ):
        assert any(words in line for line in lines)


def test_json_holds_finite_numbers_only(capsys, no_gpu, monkeypatch):
    monkeypatch.setattr(doctor, "free_memory", lambda: float("inf"))
    assert cli.main(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert facts["free_memory_bytes"] is None
    assert 0.01 < facts["check"]["error"] < facts["check"]["allowed_error"]
    assert facts["headfield"]["instruction_set"] in facts["headfield"]["instruction_sets"]
    assert facts["gpu"] == {"found": False, "why_not": "no NVIDIA GPU was found", "failed": None}


@pytest.mark.parametrize(("error", "code"), [(0.05, 0), (0.11, 1), (float("nan"), 1)])
def test_a_wrong_field_is_an_error(capsys, no_gpu, monkeypatch, error, code):
    monkeypatch.setattr(doctor, "_check", lambda: CHECKED | {"error": error})
    err = said(capsys, code).err
    assert err.count("\n") == code
    assert ("headfield: error: the field in a sphere is" in err) == bool(code)


@pytest.mark.parametrize(("difference", "code"), [(9e-6, 0), (1.1e-5, 1), (float("nan"), 1)])
def test_a_gpu_that_differs_is_an_error(capsys, monkeypatch, difference, code):
    monkeypatch.setattr(backend, "gpu", Card)
    monkeypatch.setattr(doctor, "difference_from_cpu", lambda gpu: difference)
    captured = said(capsys, code)
    assert "A card, compute capability 9.0, 79 of 80 GB free" in captured.out
    assert "driver for CUDA 13.0, CuPy's 12.9" in captured.out
    assert ("headfield: error: the GPU fails: its field" in captured.err) == bool(code)
    assert cli.main(["doctor", "--json"]) == code
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


def test_a_gpu_that_fails_is_an_error(capsys, monkeypatch):
    def gpu():
        raise DeviceError("the GPU is not usable: out of order")

    monkeypatch.setattr(backend, "gpu", gpu)
    captured = said(capsys, 1)
    assert captured.err == "headfield: error: the GPU fails: the GPU is not usable: out of order\n"
    assert "GPU           none" not in captured.out

    def difference(gpu):
        raise RuntimeError("an illegal\nmemory access")

    monkeypatch.setattr(backend, "gpu", Card)
    monkeypatch.setattr(doctor, "difference_from_cpu", difference)
    assert "the GPU fails: an illegal memory access" in said(capsys, 1).err


def asks_for(monkeypatch, *lines):
    monkeypatch.setattr(metadata, "requires", lambda name: list(lines))


def test_missing_and_old_packages(capsys, no_gpu, monkeypatch):
    asks_for(
        monkeypatch,
        "numpy>=1.26",
        'no-such-package>=2; extra == "view"',
        "pytest>=999 ; extra == 'nifti'",
        'headfield[view,nifti]; extra == "all"',
        'also-missing; extra == "test"',
    )
    captured = said(capsys, 1)
    assert "pip install 'headfield[view]'" in captured.out
    assert "(no-such-package)" in captured.out
    assert "also-missing" not in captured.out
    assert captured.err.endswith("is older than 999, which nifti needs: pip install -U 'pytest>=999'\n")


def test_versions_are_compared_by_number():
    assert installation.Need("a", "1.26", "", "1.9.3").is_met is False
    assert installation.Need("a", "1.9", "", "1.26").is_met is True
    assert installation.Need("a", "", "", "1.0+cpu").is_met is True
    assert installation.Need("a", "", "", None).is_met is False


def test_without_installation_nothing_is_known_of_extras(capsys, no_gpu, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    assert installation.needs() == []
    assert "unknown: headfield is not installed" in said(capsys, 0).out


def test_every_extra_has_a_purpose():
    path = ROOT / "pyproject.toml"
    if not path.is_file():
        pytest.skip("needs the source tree")
    extras = tomllib.loads(path.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(doctor.PURPOSES) == set(extras) - {"test", "all"}
    (whole,) = extras["all"]
    gathered = set(whole.removeprefix("headfield[").removesuffix("]").split(","))
    large = {"jobs", "mpi", "parquet", "torch", "jax", "lsl", "cuda12", "cuda13"}
    assert gathered == set(extras) - {"test", "all"} - large
