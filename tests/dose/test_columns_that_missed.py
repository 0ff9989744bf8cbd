# SPDX-License-Identifier: BSD-3-Clause
"""Thresholds by the relative change of |E| where a column has none, and tables with angles in radians."""

import numpy as np
import pytest

import headfield as hf
from headfield import dose
from headfield.errors import ArgumentError, DoseError
from headfield.regions.columns import Columns

TABLE = dose.ThresholdTable([-200, 200], [0, 180], [[200, 200], [100, 100]])


@pytest.fixture(scope="module")
def columns():
    """Three of them miss a depth."""
    head = hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=10)
    cortex = hf.regions.Cortex(head)
    found = cortex.columns([0.15, 0.94], start=cortex.layer(0.35) & hf.regions.sphere(head, [0, 0, 74], 40))
    assert not found.missed.any()
    reached = found.reached.copy()
    reached[1, [0, 5, 7]] -= 0.1
    return Columns(found.region, found.start, found.depths.copy(), reached)


def test_they_are_unknown_or_an_error(columns):
    r = np.linalg.norm(columns.region.centres_mm, axis=1, keepdims=True)
    E = (1e-2 * r) ** 3 * [0.6, 0, 300.0]
    change = dose.relative_change(E, columns)
    assert np.flatnonzero(np.isnan(change[0])).tolist() == [0, 5, 7]
    layer, p = columns.layer(1), len(columns)
    there = {"region": layer, "change": change}
    top = columns.split(E)[1]
    with pytest.raises(DoseError, match=rf"pose 0: change is NaN at 3 of {p} points.*Columns\.missed.*'nan'"):
        dose.activation(top, TABLE, **there)
    found = dose.activation(top, TABLE, outside="nan", width=5.0, **there)
    assert np.isnan(found.ratio[0]).tolist() == columns.missed.tolist()
    assert found.unknown[0] == pytest.approx(layer.weights[columns.missed].sum())
    expected = np.linalg.norm(top, axis=1) / (150 - change[0] / 4)
    np.testing.assert_allclose(found.ratio[0], expected, rtol=1e-6)
    assert found.recruited[0] == pytest.approx(layer.weights[~columns.missed & (expected >= 1)].sum())
    assert np.isfinite(found.expected).all()
    with pytest.raises(
        DoseError, match=r"3 points of the region lie outside of .* or have no relative change"
    ):
        dose.factor_from_motor_threshold(top, TABLE, measure="mean", **there)
    with pytest.raises(DoseError, match="change: 1 value is infinite"):
        dose.activation(top, TABLE, region=layer, change=np.append(np.inf, change[0, 1:]), outside="nan")


@pytest.mark.parametrize("normal", [["outward"], None, {}, 1])
def test_a_normal_that_is_no_word(normal):
    with pytest.raises(ArgumentError, match="normal must be 'outward' or 'inward', not"):
        dose.activation([[0, 0, 50.0]], dose.threshold_form(), normals=[0, 0, 1], normal=normal)


@pytest.mark.parametrize("most", [np.pi, 3.15, np.pi / 2])
def test_tables_in_radians(tmp_path, most):
    words = f"theta_deg goes from 0 to {most:g}, as radians do: give degrees"
    with pytest.raises(DoseError, match=words):
        dose.ThresholdTable([-100, 100], [0, most / 2, most], np.ones((2, 3)))
    path = tmp_path / "rad.csv"
    path.write_text("\n".join(f"{c},{t!r},100" for c in (-1.0, 1.0) for t in (0.0, float(most))))
    with pytest.raises(DoseError, match=rf"rad\.csv: {words}"):
        dose.read_threshold_table(path)
    assert dose.ThresholdTable([-100, 100], [0, 5], np.ones((2, 2))).theta_deg[1] == 5
