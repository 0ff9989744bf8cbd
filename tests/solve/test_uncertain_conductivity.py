# SPDX-License-Identifier: BSD-3-Clause
"""What conductivities do to a value, within the one call: against full solves, and in a sphere."""

import numpy as np
import pytest

import headfield as hf
from headfield.errors import ConductivityError
from headfield.statistics import saltelli_design

RANGES = {2: hf.Beta(0.1, 0.6), 3: (1.2, 1.8)}


class Head:
    """A head of four spheres whose CSF is filled with brain on one side, so that conductivities matter."""

    def __init__(self):
        shells = hf.sphere_mesh([70, 76, 83, 90], [2, 3, 4, 5], edge_mm=11)
        filled = (shells.tags == 3) & (shells.barycentres_mm()[:, 0] > 5)
        self.mesh = hf.TetMesh(shells.nodes_mm, shells.tets, np.where(filled, 2, shells.tags))
        self.model = hf.HeadModel(self.mesh)
        self.coil, self.pose = hf.figure_of_eight(), np.diag([1.0, -1, -1, 1])
        self.pose[2, 3] = 98.0
        self.region = hf.regions.sphere(self.mesh, [10, 0, 62], 14, 2)

    def solved(self, sigma, where):
        """|E| (q,) of a head with these conductivities, V/m."""
        model = hf.HeadModel(self.mesh, dict(zip((2, 3), map(float, sigma), strict=True)))
        field = model.solve(self.coil, self.pose, 50e6, roi=where, tol=1e-7, primary_error="summed")
        return field.magnitude[0].astype(np.float64)


@pytest.fixture(scope="module")
def head():
    return Head()


@pytest.fixture(scope="module")
def found(head):
    return head.model.uncertainty(
        head.region, head.coil, head.pose, 50e6, conductivity=RANGES, placement=(1.5, 3), samples=16
    )


@pytest.mark.filterwarnings("ignore:conductivity of tag 3")
def test_ranges_far_from_the_nominal_conductivity_are_off_by_what_solves_are(head):
    source = head.model.uncertainty(
        head.region, head.coil, head.pose, 50e6, conductivity={3: hf.Uniform(0.01, 0.02)}
    ).source("conductivity")
    weights = head.region.weights / head.region.weights.sum()
    nominal, low, high = (head.solved([0.275, s], head.region) @ weights for s in (1.654, 0.01, 0.02))
    assert abs(high - low) < 0.1 * abs(low - nominal)
    assert source.shift == pytest.approx(0.5 * (low + high) - nominal, abs=1e-3 * nominal)
    assert abs(source.shift) > 10e-3 * nominal


def test_samples_are_full_solves_to_the_error_of_the_basis(head, found):
    source = found.source("conductivity")
    design = saltelli_design([RANGES[2], hf.Beta(*RANGES[3])], len(source.deviations) // 2)
    weights = head.region.weights / head.region.weights.sum()
    nominal = head.solved([0.275, 1.654], head.region) @ weights
    assert found.value == pytest.approx(nominal, rel=1e-3)
    for i in (0, 1, 2):
        assert source.deviations[i] == pytest.approx(
            head.solved(design.x[i], head.region) @ weights - nominal, abs=2e-3 * nominal
        )
    assert source.tags == (2, 3)


def test_gradient_is_that_of_differences_of_full_solves(head, found):
    weights, means = head.region.weights / head.region.weights.sum(), [0.35, 1.5]
    variance = 0.0
    for i, one in enumerate([RANGES[2], hf.Beta(*RANGES[3])]):
        step = 0.05 * one.std * np.eye(2)[i]
        up, down = (head.solved(means + sign * step, head.region) @ weights for sign in (1, -1))
        variance += ((up - down) / 0.1) ** 2
    assert found.source("conductivity").std_by_gradient == pytest.approx(np.sqrt(variance), rel=5e-3)


def test_the_map_is_that_of_full_solves(head, monkeypatch):
    monkeypatch.setattr("headfield.solve.uncertainty.tissues._MAPPED", 5)
    found = head.model.uncertainty(head.region, head.coil, head.pose, 50e6, conductivity=RANGES)
    design = saltelli_design([RANGES[2], hf.Beta(*RANGES[3])], 2048)
    sizes = np.array([head.solved(sigma, found.where) for sigma in design.x[:5]])
    strong = found.magnitude > 0.2 * found.magnitude.max()
    expected = sizes.std(axis=0, ddof=1) / found.magnitude
    np.testing.assert_allclose(found.map[strong], expected[strong], atol=4e-4)
    assert expected[strong].max() > 0.01


def test_which_conductivity_matters(found):
    source = found.source("conductivity")
    indices = source.indices
    assert indices.total[0] > 0.7 > indices.total[1]
    assert indices.first.sum() == pytest.approx(1.0, abs=0.1)
    assert "gray matter" in str(found)
    assert found.to_dict()["sources"]["conductivity"]["sobol_indices"]["total"] == indices.total.tolist()


def test_in_a_sphere_conductivities_do_nothing():
    mesh = hf.sphere_mesh([70, 75, 82, 90], [2, 3, 4, 5], edge_mm=9)
    coil, pose = hf.figure_of_eight(), np.diag([1.0, -1, -1, 1])
    pose[2, 3] = 98.0
    region = hf.regions.sphere(mesh, [0, 5, 55], 12, 2)
    found = hf.HeadModel(mesh).uncertainty(region, coil, pose, conductivity=True, thickness={"scalp": 1.0})
    assert found.source("conductivity").tags == (2, 3, 4, 5)
    # What is left is that of facets: they are no spheres.
    assert found.source("conductivity").std < 2e-3 * found.value
    assert found.shares["conductivity"] < 2e-3
    assert found.source("scalp").std > 0.02 * found.value


@pytest.mark.parametrize(
    ("conductivity", "said"),
    [
        ({2: (0.0, 0.5)}, "low end of the range of tag 2 must be more than 0"),
        ({2: hf.Normal(0.3, 0.1)}, "low end of the range of tag 2 = -0.2"),
        ({9: (0.1, 0.5)}, "tag 9, which the head lacks"),
        ({2: 0.3}, "tag 2 must be a distribution or"),
        ({2: (0.5, 0.1)}, "conductivity of tag 2: Beta: low"),
        ({2: (np.nan, 0.1)}, "conductivity of tag 2"),
        ({}, "conductivity must be True"),
        (0.1, "conductivity must be True"),
    ],
)
def test_what_is_refused(head, conductivity, said):
    with pytest.raises(ConductivityError, match=said):
        head.model.uncertainty(head.region, head.coil, head.pose, conductivity=conductivity)
