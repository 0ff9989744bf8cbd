# SPDX-License-Identifier: BSD-3-Clause
"""A few of the damaged files of `fuzz.py` in every format, and of Hypothesis: only typed errors."""

import functools

import pytest
from given import fuzz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = [
    *("msh22 binary", "msh22 text", "msh41 text", "npz", "vtu", "ccd", "tcd", "nii", "nii.gz"),
    *(
        "poses npy",
        "poses csv",
        "poses txt",
        "poses xml",
        "poses stmpx",
        "poses mrk",
        "poses mrk.json",
        "poses mat",
        "poses tfm",
        "poses mkss",
        "poses nbe",
        "poses table",
        "placements",
    ),
    *("annot", "mgz", "gii"),
    *("thresholds", "streamlines trk", "streamlines tck"),
    *("eeg", "tensors", "casing", "wire"),
    *("result h5", "result msh", "result vtu"),
]
formats = functools.cache(lambda: fuzz.formats(samples=False))


def test_every_format_is_there():
    assert list(formats()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_is_mutated_reads_well(name, tmp_path):
    form = formats()[name]
    path = tmp_path / f"good{form.ending}"
    for content in form.seeds:
        path.write_bytes(content)
        form.read(path)
        if form.pack is not None:
            path.write_bytes(form.pack(form.unpack(content)))
            form.read(path)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_end_in_typed_errors(name, tmp_path):
    (tmp_path / "cases").mkdir()
    result = fuzz.fuzz(formats()[name], 60, 0, tmp_path / "cases")
    assert not result.faults, result.faults[0]
    assert result.refused, "mutations that damage nothing test nothing"


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_in_typed_errors(name, tmp_path, data):
    """Bytes that Hypothesis makes, alone and after the beginning of a good file."""
    form = formats()[name]
    start = form.seeds[0][: data.draw(st.integers(0, 400))]
    content = start + data.draw(st.binary(max_size=200))
    (tmp_path / "cases").mkdir(exist_ok=True)
    exact = form._replace(seeds=[content], unpack=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fuzz, "mutated", lambda content, random: content)
        result = fuzz.fuzz(exact, 1, 0, tmp_path / "cases")
    assert not result.faults, result.faults[0]
