# SPDX-License-Identifier: BSD-3-Clause
"""How uncertain a value is by placement and thickness: against closed forms in a sphere and brute force."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield.errors import ArgumentError, MeasureError, MeshError, PoseError, RegionError
from headfield.poses.motions import moved
from headfield.solve.uncertainty.looking import Moments
from headfield.solve.uncertainty.thickness import ridden
from headfield.statistics import samples

DIDT = 50e6
JITTER = ([2.0, 1.0, 1.5], [3.0, 4.0, 2.0])


class Ball:
    """A head of four spheres, a coil over it, and E without any mesh."""

    def __init__(self):
        self.mesh = hf.sphere_mesh([70, 75, 82, 90], [2, 3, 4, 5], edge_mm=9)
        self.model = hf.HeadModel(self.mesh)
        dipoles = hf.figure_of_eight().sources()[0]
        self.coil = hf.Coil(dipoles.positions_mm[::21], 21 * dipoles.moments[::21])
        self.pose = np.eye(4)
        self.pose[:3, :3] = Rotation.from_euler("xyz", [180, 20, 10], degrees=True).as_matrix()
        self.pose[:3, 3] = -98 * self.pose[:3, 2]
        self.region = hf.regions.sphere(self.mesh, -60 * self.pose[:3, 2] + [8, 5, 0], 14, 2)

    def closed_form(self, poses):
        """The mean of |E| at the centres of the region's tetrahedra."""
        dipoles = self.coil.sources()[0]
        weights = self.region.weights / self.region.weights.sum()
        found = []
        for pose in poses:
            at = dipoles.positions_mm @ pose[:3, :3].T + pose[:3, 3]
            moments = dipoles.moments @ pose[:3, :3].T
            field = hf.analytic.sphere_tms_field(self.region.centres_mm, at, moments, DIDT)
            found.append(np.linalg.norm(field, axis=1) @ weights)
        return np.array(found)


@pytest.fixture(scope="module")
def ball():
    return Ball()


@pytest.fixture(scope="module")
def found(ball):
    return ball.model.uncertainty(
        ball.region,
        ball.coil,
        ball.pose,
        DIDT,
        placement=JITTER,
        thickness={"csf": 0.5, "skull": 1.0, "scalp": hf.Normal(0.0, 1.5)},
    )


def test_poses_move_in_the_frame_of_the_coil(ball):
    moves = np.random.default_rng(1).normal(size=(20, 6)) * [3, 2, 1, 0.2, 0.1, 1.5]
    moves[0, 3:] = 0.0
    expected = np.tile(np.eye(4), (20, 1, 1))
    expected[:, :3, :3] = Rotation.from_rotvec(moves[:, 3:]).as_matrix()
    expected[:, :3, 3] = moves[:, :3]
    np.testing.assert_allclose(moved(ball.pose, moves), ball.pose @ expected, atol=1e-12)


def test_spread_by_placement_is_that_of_the_closed_form(ball, found):
    placement = found.source("placement")
    std = np.concatenate([JITTER[0], np.radians(JITTER[1])])
    moves = np.random.default_rng(2).normal(size=(1500, 6)) * std
    values = ball.closed_form(moved(ball.pose, moves))
    assert found.value == pytest.approx(ball.closed_form([ball.pose])[0], rel=0.03)
    # 1,500 random samples are good to 2 % (one standard error), the mesh to as much.
    assert placement.std == pytest.approx(values.std(), rel=0.07)
    steps = np.diag(1e-3 * np.ones(6))
    slopes = ball.closed_form(moved(ball.pose, steps)) - ball.closed_form(moved(ball.pose, -steps))
    by_gradient = np.sqrt(((slopes / 2e-3 * std) ** 2).sum())
    assert placement.std_by_gradient == pytest.approx(by_gradient, rel=0.03)


def test_gradient_is_that_of_central_differences(ball, found):
    steps = np.diag(np.repeat([0.1, 1e-3], 3))
    poses = np.concatenate([moved(ball.pose, steps), moved(ball.pose, -steps)])
    fields = ball.model.solve(ball.coil, poses, DIDT, roi=ball.region, tol=1e-8).E
    values = hf.Target(ball.region).values(fields)
    slopes = (values[:6] - values[6:]) / np.repeat([0.2, 2e-3], 3)
    facts = found.source("placement").facts
    given = [*facts["gradient_per_mm"], *np.degrees(facts["gradient_per_degree"])]
    np.testing.assert_allclose(given, slopes, rtol=2e-3, atol=2e-3 * np.abs(slopes).max())


def test_in_a_sphere_a_layer_costs_what_the_distance_of_the_coil_does(ball, found):
    up = np.zeros((2, 6))
    up[:, 2] = -0.1, 0.1  # of the coil's z
    farther, nearer = ball.closed_form(moved(ball.pose, up))
    for layer, std in (("csf", 0.5), ("skull", 1.0), ("scalp", 1.5)):
        spread = found.source(layer)
        assert spread.facts["per_mm"] == pytest.approx((farther - nearer) / 0.2, rel=0.02)
        assert spread.std_by_gradient == pytest.approx(std * abs(spread.facts["per_mm"]))
        assert spread.std == pytest.approx(spread.std_by_gradient, rel=0.01)
        assert spread.facts["reached"] == pytest.approx([1.0, 1.0], abs=1e-3)


def test_a_moved_mesh_has_the_field_of_a_thicker_sphere(ball):
    moved = hf.thickened(ball.mesh, "skull", 3.0)
    pose = ridden(ball.mesh, moved, ball.pose)
    np.testing.assert_allclose(pose[:3, 3], ball.pose[:3, 3] * 101 / 98, atol=0.05)
    region = hf.regions.mask(moved, ball.region.elements)
    field = hf.HeadModel(moved, ball.model.conductivity).solve(ball.coil, pose, DIDT, roi=region)
    value = hf.Target(region).values(field.E)[0]
    assert value == pytest.approx(ball.closed_form([pose])[0], rel=0.03)
    fresh = hf.sphere_mesh([70, 75, 85, 93], [2, 3, 4, 5], edge_mm=9)
    again = hf.HeadModel(fresh).solve(ball.coil, pose, DIDT, roi=hf.regions.mask(fresh, _same(fresh, ball)))
    assert value == pytest.approx(hf.Target(again.region).values(again.E)[0], rel=0.01)


def _same(fresh, ball):
    centre = -60 * ball.pose[:3, 2] + [8, 5, 0]
    return hf.regions.sphere(fresh, centre, 14, 2).elements


@pytest.mark.parametrize("change", [hf.Normal(4.0, 0.02), hf.Uniform(2.0, 2.01)])
def test_a_layer_that_is_thicker_on_average_is_looked_at_there(ball, change):
    parabola, heads = (
        ball.model.uncertainty(
            ball.region, ball.coil, ball.pose, DIDT, thickness={"scalp": change}, heads=count
        ).source("scalp")
        for count in (0, 8)
    )
    assert parabola.shift == pytest.approx(heads.shift, rel=5e-3)
    assert parabola.std == pytest.approx(heads.std, rel=0.3)  # of eight samples
    assert parabola.std_by_gradient == pytest.approx(parabola.std, rel=0.02)


def test_sampled_heads_follow_the_parabola(ball, found):
    sampled = ball.model.uncertainty(
        ball.region, ball.coil, ball.pose, DIDT, thickness={"scalp": 1.5}, heads=6
    ).source("scalp")
    t = samples([hf.Normal(0.0, 1.5)], 6)[:, 0]
    facts = found.source("scalp").facts
    expected = facts["per_mm"] * t + 0.5 * facts["per_mm2"] * t * t
    np.testing.assert_allclose(sampled.deviations, expected, atol=0.02 * expected.std())
    assert sampled.how == "6 heads"


def test_all_together(found):
    sources = found.sources
    assert {one.name for one in sources} == {"placement", "csf", "skull", "scalp"}
    assert [one.std for one in sources] == sorted((one.std for one in sources), reverse=True)
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert found.std == pytest.approx(np.sqrt(sum(one.std**2 for one in sources)))
    assert found.deviations.std() == pytest.approx(found.std, rel=0.02)
    assert (found.value + found.deviations).mean() == pytest.approx(found.mean, abs=0.03 * found.std)
    low, middle, high = found.percentiles.values()
    assert low < middle < high
    inside = np.abs(found.deviations + found.value - (low + high) / 2) <= (high - low) / 2
    assert inside.mean() == pytest.approx(0.95, abs=1e-3)


def test_any_measure_will_do(ball):
    deep = hf.regions.sphere(ball.mesh, ball.region.centres_mm.mean(axis=0) * 0.7, 14, 2)
    points = hf.regions.points(ball.mesh, ball.region.centres_mm[:40])
    for measure in (hf.Ratio(deep, points), hf.Percentile(ball.region, 90), hf.Target(points, [1, 0, 0])):
        found = ball.model.uncertainty(measure, ball.coil, ball.pose, DIDT, placement=(1, 2), samples=32)
        elements = np.concatenate([region.elements for region in measure.regions])
        fields = ball.model.solve(ball.coil, ball.pose, DIDT).E[:, elements]
        assert found.value == pytest.approx(measure.values(fields)[0], rel=1e-3)
        spread = found.source("placement")
        assert spread.std == pytest.approx(spread.std_by_gradient, rel=0.25)
    with pytest.raises(ArgumentError, match="sources are placement, not 'scalp'"):
        found.source("scalp")


def test_the_map_is_the_spread_of_the_magnitude(ball):
    where = hf.regions.sphere(ball.mesh, ball.region.centres_mm.mean(axis=0), 20, 2)
    count = 16
    asked = {"placement": JITTER, "where": where, "samples": count}
    found = ball.model.uncertainty(ball.region, ball.coil, ball.pose, DIDT, **asked)
    std = np.concatenate([JITTER[0], np.radians(JITTER[1])])
    moves = samples([hf.Normal(0.0, one) for one in std], count)
    fields = ball.model.solve(ball.coil, moved(ball.pose, moves), DIDT, roi=where)
    size = np.linalg.norm(fields.E.astype(np.float64), axis=2)
    expected = size.std(axis=0, ddof=1) / found.magnitude
    np.testing.assert_allclose(found.map, expected, rtol=2e-3)
    assert found.where is where


def test_what_it_prints_and_writes(found, tmp_path):
    text = str(found)
    assert text.splitlines()[0].startswith("mean |E| in ")
    for one in found.sources:
        (line,) = (line for line in text.splitlines() if line.startswith(one.name + " "))
        assert f"{one.std:.3g}" in line
        assert one.how in line
    path = tmp_path / "spread.json"
    found.to_json(path)
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read["std"] == found.std
    assert read["sources"]["scalp"]["per_mm"] == found.source("scalp").facts["per_mm"]
    assert "independent" in read["assumption"]


def test_the_picture(found, tmp_path):
    figure = found.plot()
    labels = [tick.get_text() for axes in figure.get_axes() for tick in axes.get_yticklabels()]
    sources = [one.label for one in found.sources]
    assert [name for name in labels if name in sources] == sources
    assert "scalp thickness" in labels
    found.write_picture(tmp_path / "spread.png")
    assert (tmp_path / "spread.png").stat().st_size > 50_000


def test_poses_in_the_head_are_counted_and_said(ball):
    casing = hf.Casing(
        [[-40, -40, -1], [40, -40, -1], [0, 50, -1], [0, 0, -12]],
        [[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]],
    )
    coil = hf.Coil(elements=ball.coil.elements, casing=casing)
    near = ball.pose.copy()
    near[:3, 3] *= 93 / 98
    found = ball.model.uncertainty(ball.region, coil, near, placement=([0, 0, 2], 0), samples=32)
    inside = found.source("placement").facts["poses_in_head"]
    poses = moved(near, samples([hf.Normal(0, 2)], 32) * [0, 0, 1, 0, 0, 0])
    assert inside == (hf.casing_distance(ball.mesh, casing, poses) < 0).sum() > 0
    assert f"cuts into the head at {inside} of 32" in str(found)


def test_moments_of_batches_are_those_of_all():
    numbers = np.random.default_rng(0).normal(5, 2, size=(50, 7))
    moments = Moments(7)
    for part in np.array_split(numbers, 4):
        moments.add(part - 5)
    np.testing.assert_allclose(moments.variance, numbers.var(axis=0, ddof=1))


class NotANumber:
    """A measure that is none at some poses."""

    is_linear = False

    def __init__(self, region):
        self.regions = (region,)

    def values(self, E):
        return np.where(np.arange(len(E)) == 3, np.nan, 1.0)

    def derivatives(self, E):
        return np.ones_like(E)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({}, ArgumentError, "nothing is uncertain"),
        ({"placement": (-1, 3)}, ArgumentError, "shift_mm: .* not -1"),
        ({"placement": (0, 0)}, ArgumentError, "0 mm and 0°"),
        ({"placement": ([1, 2], 3)}, ArgumentError, "shift_mm must be one number or three"),
        ({"placement": 2.0}, ArgumentError, "PoseJitter, or"),
        ({"placement": (np.nan, 1)}, ArgumentError, "shift_mm"),
        ({"placement": (1, 1), "samples": 1}, ArgumentError, "samples = 1"),
        ({"thickness": {"dura": 1.0}}, ArgumentError, "csf, skull, scalp, not 'dura'"),
        ({"thickness": {"scalp": 0.0}}, ArgumentError, "thickness of the scalp"),
        ({"thickness": {"scalp": -1.0}}, ArgumentError, "thickness of the scalp"),
        ({"thickness": {"scalp": np.nan}}, ArgumentError, "thickness of the scalp"),
        ({"thickness": 2.0}, ArgumentError, "thickness must be mm by layer"),
        ({"thickness": {"skull": 1.0}, "heads": -1}, ArgumentError, "heads = -1"),
        ({"thickness": {"skull": 1.0}, "heads": 1}, ArgumentError, "heads = 1 has no spread"),
    ],
)
def test_what_is_refused(ball, options, error, said):
    with pytest.raises(error, match=said):
        ball.model.uncertainty(ball.region, ball.coil, ball.pose, **options)


def test_more_of_what_is_refused(ball):
    other = hf.sphere_mesh([70, 90], [2, 5], edge_mm=14)
    model, pose, jitter = hf.HeadModel(other), ball.pose, {"placement": (1, 1)}
    region = hf.regions.tissue(other, 2)
    with pytest.raises(MeshError, match="no csf"):
        model.uncertainty(region, ball.coil, pose, thickness={"csf": 1.0})
    with pytest.raises(RegionError, match="another mesh"):
        model.uncertainty(ball.region, ball.coil, pose, **jitter)
    with pytest.raises(RegionError, match="another mesh"):
        model.uncertainty(region, ball.coil, pose, where=ball.region, **jitter)
    with pytest.raises(RegionError, match="whole tetrahedra"):
        model.uncertainty(region, ball.coil, pose, where=hf.regions.points(other, [[0, 0, 9]]), **jitter)
    with pytest.raises(RegionError, match="a measure must be"):
        model.uncertainty("cortex", ball.coil, pose, **jitter)
    with pytest.raises(PoseError, match="one pose"):
        model.uncertainty(region, ball.coil, [pose, pose], **jitter)
    with pytest.raises(ArgumentError, match="didt must be that of one pose"):
        model.uncertainty(region, ball.coil, pose, [[1e6], [2e6]], **jitter)
    with pytest.raises(MeasureError, match="pose 3"):
        model.uncertainty(NotANumber(region), ball.coil, pose, **jitter)
