# SPDX-License-Identifier: BSD-3-Clause
"""What can't be searched for, evaluated or weighed: typed errors that name the thing and what would do."""

import functools

import numpy as np
import pytest
from given.targets import CENTRE_MM, DIDT, SMALL, coil, head, knob, model, scattered, two_stimulators

import headfield as hf


@functools.cache
def elsewhere():
    """A region of another mesh."""
    moved = hf.TetMesh(head().nodes_mm + [0.0, 0.0, 1.0], head().tets, head().tags)
    return hf.regions.sphere(moved, CENTRE_MM, 15, 2)


@functools.cache
def found():
    return hf.search(model(), coil(), component(), DIDT, **(SMALL | {"rivals": 0}))


def component():
    return hf.Target(knob(), [0.0, 1.0, 0.0])


def searched(**options):
    hf.search(model(), coil(), component(), DIDT, **(SMALL | {"rivals": 0} | options))


TARGETS = {
    "of another mesh": (lambda: hf.Target(elsewhere()), hf.RegionError, "region of another mesh"),
    "one of two of another mesh": (
        lambda: hf.Target(knob()) - hf.Target(elsewhere()),
        hf.RegionError,
        "region of another mesh",
    ),
    "a region of another mesh": (elsewhere, hf.RegionError, "region of another mesh"),
    "nothing": (lambda: knob() - knob(), hf.RegionError, "holds nothing"),
    "an array": (lambda: np.arange(5), hf.RegionError, "must be a Target, not ndarray"),
    "a point": (lambda: CENTRE_MM, hf.RegionError, "must be a Target, not tuple"),
    "None": (lambda: None, hf.RegionError, "must be a Target, not NoneType"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_targets(case):
    make, error, message = TARGETS[case]
    with pytest.raises(error, match=message):
        hf.search(model(), coil(), make(), DIDT, **SMALL)
    with pytest.raises(error, match=message):
        hf.evaluate(model(), coil(), scattered(2), make(), DIDT)
    with pytest.raises(error, match=message):
        hf.trade_off(model(), found(), make())
    with pytest.raises(error, match=message):
        hf.compare_coils(model(), [coil()], make(), **SMALL)


OPTIONS = [
    ({"centre_mm": [0.0, 1.0]}, hf.PoseError, r"centre_mm must have the shape \(3,\), not \(2,\)"),
    ({"centre_mm": [0.0, np.nan, 1.0]}, hf.PoseError, "centre_mm"),
    ({"centre_mm": [0.0, 0.0, 900.0]}, hf.PoseError, "from the surface, more than 100 mm"),
    ({"radius_mm": 0.0}, hf.PoseError, "radius_mm"),
    ({"radius_mm": -5.0}, hf.PoseError, "radius_mm"),
    ({"radius_mm": np.inf}, hf.PoseError, "radius_mm"),
    ({"radius_mm": "60 mm"}, hf.PoseError, "radius_mm"),
    ({"spacing_mm": 0.1}, hf.PoseError, "spacing_mm"),
    ({"spacing_mm": 80.0}, hf.PoseError, "spacing_mm"),
    ({"spacing_mm": np.nan}, hf.PoseError, "spacing_mm"),
    ({"angle_step_deg": 0.0}, hf.PoseError, "angle_step_deg"),
    ({"angle_step_deg": 90.0}, hf.PoseError, "angle_step_deg"),
    ({"distance_mm": -1.0}, hf.PoseError, "distance_mm"),
    ({"distance_mm": np.nan}, hf.PoseError, "distance_mm"),
    ({"tilts_deg": [1.0, 2.0, 3.0]}, hf.PoseError, "tilts_deg must be pairs"),
    ({"tilts_deg": [[0.0, 60.0]]}, hf.PoseError, "tilts_deg .* up to 45"),
    ({"tilts_deg": np.empty((0, 2))}, hf.PoseError, "tilts_deg"),
    ({"clear_mm": -1.0}, hf.PoseError, "clear_mm"),
    ({"clear_mm": 40.0}, hf.PoseError, "clear_mm"),
    ({"clear_mm": "no"}, hf.PoseError, "clear_mm"),
    ({"smooth_mm": -1.0}, hf.PoseError, "smooth_mm"),
    ({"smooth_mm": np.nan}, hf.PoseError, "smooth_mm"),
    ({"handle_deg": 45.0}, hf.PoseError, "handle_deg must be two ascending angles"),
    ({"handle_deg": (90.0, 10.0)}, hf.PoseError, "handle_deg must be two ascending angles"),
    ({"handle_deg": (0.0, 400.0)}, hf.PoseError, "at most a turn apart"),
    ({"handle_over_face": 1}, hf.ArgumentError, "handle_over_face must be True or False, not 1"),
    ({"refine": "yes"}, hf.ArgumentError, "refine must be True or False"),
    ({"avoid": [(0.0, 0.0, 90.0)]}, hf.PoseError, r"avoid\[0\] must be a pair"),
    ({"avoid": [((0, 0, 90), 5.0), ((0, 0), 5.0)]}, hf.PoseError, r"avoid\[1\]: the point"),
    ({"avoid": [((0, 0, 90), -5.0)]}, hf.PoseError, r"radius of avoid\[0\]"),
    ({"jitter": 5.0}, hf.PoseError, "jitter must be a pair"),
    ({"jitter": (5.0, -1.0)}, hf.PoseError, "jitter"),
    ({"jitter": (np.nan, 1.0)}, hf.PoseError, "jitter"),
    ({"rivals": -1}, hf.ArgumentError, "rivals = -1 must be a whole number from 0 to 500"),
    ({"rivals": 2.5}, hf.ArgumentError, "rivals"),
    ({"zoom_error": 0.0}, hf.ArgumentError, "zoom_error"),
    ({"zoom_error": "2 %"}, hf.ArgumentError, "zoom_error"),
    ({"tol": 0.0}, hf.ArgumentError, "tol"),
    ({"tol": "little"}, hf.ArgumentError, "tol"),
]


@pytest.mark.parametrize(("options", "error", "message"), OPTIONS)
def test_options(options, error, message):
    with pytest.raises(error, match=message):
        searched(**options)


def test_coils():
    for what in (None, "D70", coil().casing, [coil()]):
        with pytest.raises(hf.CoilError, match="must be a Coil"):
            hf.search(model(), what, component(), DIDT, **SMALL)
        with pytest.raises(hf.CoilError, match="must be a Coil"):
            hf.evaluate(model(), what, scattered(2), component(), DIDT)


@pytest.mark.parametrize("didt", [np.nan, np.inf, "fast", [1e6, 2e6, 3e6], 1e15, None])
def test_rates(didt):
    with pytest.raises(hf.ArgumentError, match="didt"):
        hf.search(model(), coil(), component(), didt, **SMALL)
    with pytest.raises(hf.ArgumentError, match="didt"):
        hf.evaluate(model(), coil(), scattered(2), component(), didt)


def test_rates_of_several_stimulators():
    with pytest.raises(hf.ArgumentError, match="the coil has 2 stimulators: give didt"):
        hf.search(model(), two_stimulators(), component(), [[1e6, 1e6, 1e6]], **SMALL)


@pytest.mark.parametrize("poses", [np.eye(3), np.zeros((2, 4, 4)), np.full((1, 4, 4), np.nan), [], "here"])
def test_poses(poses):
    with pytest.raises(hf.PoseError):
        hf.evaluate(model(), coil(), poses, component(), DIDT)


def test_a_search_whose_positions_are_all_avoided():
    with pytest.raises(hf.PoseError, match=r"all \d+ positions of the search are in places to avoid"):
        searched(avoid=[(CENTRE_MM, 200.0)])


def test_a_sector_between_the_angles_of_the_map():
    with pytest.raises(hf.PoseError, match=r"fits nowhere: of .* handle_deg"):
        searched(handle_deg=(1.0, 19.0), clear_mm=None, handle_over_face=True)


def test_a_coil_that_fits_nowhere():
    """A ring that would have to be put over the head, deeper than any lift takes it off."""
    angle = np.linspace(0.0, 2.0 * np.pi, 25)[:-1]
    ring = np.stack([60.0 * np.cos(angle), 60.0 * np.sin(angle), np.full(24, 70.0)], axis=1)
    corners = np.concatenate([ring, ring + [0.0, 0.0, 5.0]])
    i, j = np.arange(24), (np.arange(24) + 1) % 24
    faces = np.concatenate([np.stack([i, j, i + 24], axis=1), np.stack([j, j + 24, i + 24], axis=1)])
    deep = coil().with_casing(hf.Casing(corners, faces))
    with pytest.raises(hf.PoseError, match=r"fits nowhere: at all .* its casing is not clear of the scalp"):
        hf.search(model(), deep, component(), DIDT, **SMALL)
    hf.search(model(), deep, component(), DIDT, clear_mm=None, **(SMALL | {"rivals": 0}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"least": 0.0}, "least"),
        ({"least": 1.5}, "least"),
        ({"n_poses": 0}, "n_poses"),
        ({"n_poses": 10**6}, "n_poses"),
        ({"n_poses": "all"}, "n_poses"),
    ],
)
def test_options_of_a_trade_off(options, message):
    with pytest.raises(hf.ArgumentError, match=message):
        hf.trade_off(model(), found(), component(), **options)


def test_rests_of_a_trade_off():
    with pytest.raises(hf.RegionError, match="the rest has to be tetrahedra"):
        hf.trade_off(model(), found(), component(), rest=hf.regions.mid_layer(head()))


@pytest.mark.parametrize(
    ("coils", "value", "options", "message"),
    [
        ([], 100.0, {}, "coils must be a sequence of one Coil or more"),
        (coil, 100.0, {}, "coils must be a sequence"),
        ([coil], 0.0, {}, "value"),
        ([coil], np.nan, {}, "value"),
        ([coil], 100.0, {"speed": 3}, "options of search: .*speed"),
        ([coil], 100.0, {"didt": 1e6}, "options of search: .*didt"),
        ([coil], 100.0, {"rivals": -2}, "rivals"),
    ],
)
def test_comparisons(coils, value, options, message):
    made = [one() for one in coils] if isinstance(coils, list) else coils()
    with pytest.raises(hf.ArgumentError, match=message):
        hf.compare_coils(model(), made, component(), value, **options)


def test_comparisons_of_what_is_no_coil():
    with pytest.raises(hf.CoilError, match="must be a Coil"):
        hf.compare_coils(model(), [coil(), "D70"], component(), **SMALL)
