# SPDX-License-Identifier: BSD-3-Clause
"""The template head: its levels against anatomy, its electrodes, its mesh, and the size of its data."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import headfield as hf
from headfield.core.device import cpu
from headfield.heads.segmentation import template
from headfield.heads.segmentation.template import template_levels


@pytest.fixture(scope="module")
def levels():
    return template_levels()


@pytest.fixture(scope="module")
def labels(levels):
    """The tissue of each voxel, 0 outside."""
    inside = (levels.values > 0).sum(axis=0)
    return np.where(inside > 0, 6 - inside, 0)


@pytest.fixture(scope="module")
def head():
    return hf.template_head(edge_mm=6)


def distance_mm(mask):
    """From each voxel of 1 mm to the nearest of a mask."""
    return cpu.distance(np.ascontiguousarray(mask).view(np.uint8), [1.0, 1.0, 1.0])


def voxel(levels, point_mm):
    return tuple(np.rint(np.linalg.solve(levels.affine, [*point_mm, 1]))[:3].astype(int))


def test_levels_are_nested_closed_and_symmetric(levels):
    values = levels.values
    assert (values.dtype, levels.tags) == (np.float32, (1, 2, 3, 4, 5))
    assert (np.diff(values, axis=0) >= 0).all()
    assert np.array_equal(values, values[:, ::-1])
    outermost = values[-1].copy()
    outermost[1:-1, 1:-1, 1:-1] = -1
    assert outermost.max() < 0
    # The plane x = 0 is in the middle of the grid.
    assert levels.affine[0, 3] == -(values.shape[1] - 1) / 2


def test_volumes_are_those_of_the_average_brain(labels):
    cm3 = np.bincount(labels.ravel()) / 1000
    # Adults, and the maps themselves at half: 635 and 1094 cm³ of white and gray matter, sulci closed.
    assert 550 < cm3[1] < 700
    assert 800 < cm3[2] < 1000
    assert 200 < cm3[3] < 500
    assert 400 < cm3[4] < 900
    assert 2500 < cm3[1:].sum() - cm3[4] < 4000


def test_tissues_lie_within_each_other(labels):
    """Fluid parts gray matter from bone, bone parts fluid from scalp, and scalp covers all; each is whole."""
    for inside, least_mm in ((3, 2.4), (4, 3.0), (5, 3.0)):
        within = (labels > 0) & (labels < inside)
        beyond = (labels == 0) | (labels > inside)
        assert distance_mm(within)[beyond].min() > least_mm
    for most in (2, 3, 4, 5):
        _, parts = ndimage.label((labels > 0) & (labels <= most))
        assert parts == 1
    white, count = ndimage.label(labels == 1)
    assert np.bincount(white.ravel())[1:].max() > 0.8 * (white > 0).sum(), count


def test_places_of_the_brain_are_where_mni_coordinates_say(levels, labels):
    gray_mm = distance_mm(labels == 2)
    for point, most in (
        ((-37, -25, 62), 1),  # left motor cortex
        ((-44, 40, 29), 1.5),  # left dorsolateral prefrontal cortex
        ((44, 40, 29), 1.5),
        ((-8, -76, 27), 4),  # cuneus
        ((27, -60, -30), 2),  # cerebellum
        ((12, 10, 10), 2),  # caudate nucleus
    ):
        assert gray_mm[voxel(levels, point)] <= most, point
    assert labels[voxel(levels, (0, 24, 10))] == 1  # corpus callosum
    assert labels[voxel(levels, (28, -20, 28))] == 1  # corona radiata
    assert labels[voxel(levels, (10, -4, 22))] == 3  # lateral ventricle
    assert labels[voxel(levels, (0, 30, 60))] == 3  # between the hemispheres
    assert labels[voxel(levels, (0, -28, -40))] < 3  # brain stem
    assert labels[voxel(levels, (0, 60, -60))] == 5  # face
    assert labels[voxel(levels, (0, -20, -100))] == 5  # neck


def test_gyri_are_parted_by_sulci(levels, labels):
    """The brain has twice the surface of its hull: an average that is cut at half has less."""
    brain = np.isin(labels, (1, 2))
    hull = distance_mm(distance_mm(brain) >= 10) > 10

    def area(mask):
        return sum(int((np.diff(mask.astype(np.int8), axis=axis) != 0).sum()) for axis in range(3))

    assert area(brain) > 2 * area(hull)


def test_electrodes_are_on_the_scalp_and_near_those_of_other_mni_heads(levels):
    cap = hf.template_positions()
    assert len(cap) >= 70
    index = np.linalg.solve(levels.affine, np.c_[cap.positions_mm, np.ones(len(cap))].T)[:3]
    on_scalp = ndimage.map_coordinates(levels.values[-1], index, order=1) * template.SHELL_MM
    assert np.abs(on_scalp).max() < 0.7
    # Positions of the 10-10 system on other heads in MNI space, which differ by about a centimetre.
    for name, place in {
        "C3": (-65, -12, 64),
        "Cz": (0, -9, 100),
        "F3": (-50, 53, 42),
        "Oz": (0, -115, 15),
        "T8": (85, -16, -9),
    }.items():
        assert np.linalg.norm(cap[name] - place) < 12, name
    for left, right in (("C3", "C4"), ("F7", "F8"), ("LPA", "RPA"), ("O1", "O2")):
        assert np.array_equal(cap[left] * [-1, 1, 1], cap[right])
    spacing = np.linalg.norm(
        np.diff([cap[n] for n in ("Fpz", "AFz", "Fz", "FCz", "Cz", "CPz")], axis=0), axis=1
    )
    assert np.ptp(spacing) < 0.1 * spacing.mean()


def test_mesh_is_a_head_without_findings(head, levels):
    assert not head.check().findings
    assert {tag: head.tag_names[tag] for tag in (1, 5)} == {1: "white matter", 5: "scalp"}
    assert np.abs(head.barycentres_mm()[head.tags == 2].mean(axis=0)[0]) < 1  # symmetric
    volumes = np.bincount(head.tags, head.volumes_mm3())[1:] / 1000
    images = [(np.diff(levels.values > 0, axis=0, prepend=False)[k]).sum() / 1000 for k in range(5)]
    assert np.abs(volumes[3:] / images[3:] - 1).max() < 0.03
    assert abs(volumes[:3].sum() / sum(images[:3]) - 1) < 0.03


def test_coil_is_placed_by_names_and_by_mni_coordinates(head):
    cap = hf.template_positions()
    by_name = hf.place(head, cap["C3"], cap["FC3"])
    target = np.array([-37.0, -25, 62])
    over = hf.place(head, target, target + [0, 50, 0])
    for pose in (by_name, over):
        assert np.linalg.norm(pose[:3, 3] - target) < 40


def test_data_are_small():
    folder = Path(template.__file__).parent
    assert (folder / "template.npz").stat().st_size < 3e6
    assert (folder / "template_eeg.csv").stat().st_size < 1e4


@pytest.mark.parametrize("edge_mm", [None, "3", True, np.array([3.0]), 0.1, 30.0])
def test_edges_that_are_none_are_refused(edge_mm):
    with pytest.raises(hf.MeshError, match="edge_mm"):
        hf.template_head(edge_mm)
