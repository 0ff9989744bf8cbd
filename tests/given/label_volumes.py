# SPDX-License-Identifier: BSD-3-Clause
"""Random label volumes that are hard to mesh, by seed, and their level sets by SciPy.

A seed names a kind of anatomy, a size of 24 to 48 voxels along each axis, 3 to 10 labels, and an affine. Two
layers of voxels at least on each side are background, whose label is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from headfield.heads.segmentation.level_sets import LevelSets

SIGMA_VOXELS = 0.8
MARGIN = 2  # layers of background

Labels = NDArray[np.uint8]
Points = NDArray[np.float64]  # (3, nx, ny, nz) from the centre, 1 at the border of what may be labelled
Generator = np.random.Generator


def volume(seed: int) -> tuple[Labels, int, NDArray[np.float64], str]:
    """Return labels (nx, ny, nz) of which 1 to n all occur, n, the affine (4, 4), and what kind it is.

    A label of a few voxels may be nowhere above the others once it is blurred.
    """
    rng = np.random.default_rng([18, seed])
    kind = list(KINDS)[seed % len(KINDS)]
    turn = seed // len(KINDS) % len(AFFINES)
    shape = tuple(rng.integers(24, 49, 3))
    count = int(rng.integers(3, 11))
    labels = KINDS[kind](rng, shape, count)
    outside = np.ones(shape, bool)
    outside[(slice(MARGIN, -MARGIN),) * 3] = False
    labels[outside] = 0
    labels = compact(keep_connected(labels))
    return (
        labels,
        int(labels.max()),
        AFFINES[list(AFFINES)[turn]](rng, shape),
        f"{kind}, {list(AFFINES)[turn]}",
    )


def level_sets(
    labels: Labels,
    affine: NDArray[np.float64],
    tags: tuple[int, ...] | None = None,
    sigma: float = SIGMA_VOXELS,
) -> LevelSets:
    """Blur the indicator u of each label; level k is max(u of the first k) − max(u of the others and of 0).

    The tags are the labels, innermost first; in ascending order if not given.
    """
    tags = tuple(range(1, int(labels.max()) + 1)) if tags is None else tags
    soft = np.stack(
        [ndimage.gaussian_filter((labels == tag).astype(np.float32), sigma) for tag in (*tags, 0)]
    )
    inside = np.maximum.accumulate(soft, axis=0)[:-1]
    outside = np.maximum.accumulate(soft[::-1], axis=0)[::-1][1:]
    return LevelSets(inside - outside, tags, np.asarray(affine, float))


def stress_levels(seed: int) -> LevelSets:
    """Return the level sets of a seed's volume."""
    labels, _, affine, _ = volume(seed)
    return level_sets(labels, affine)


def keep_connected(labels: Labels) -> Labels:
    """Drop what would float beside the head once it is blurred: a mesh has to be one piece."""
    labels = labels.copy()
    for _ in range(5):
        parts, n = ndimage.label(level_sets(labels, np.eye(4)).values[-1] > 0)
        if n < 2:
            break
        head = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
        labels[~ndimage.binary_dilation(head, iterations=2)] = 0
        labels[(parts > 0) & ~head] = 0
    return labels


def compact(labels: Labels) -> Labels:
    """Number the labels that occur from 1."""
    present = np.unique(np.append(labels, 0))
    return np.searchsorted(present, labels).astype(np.uint8)


def grid(shape: tuple[int, ...]) -> Points:
    """Coordinates of the voxels from the middle, in half-widths of what lies within the margin."""
    half = (np.array(shape) - 1) / 2
    return (np.indices(shape) - half[:, None, None, None]) / (half - MARGIN)[:, None, None, None]


def noise(rng: Generator, shape: tuple[int, ...], sigma: float) -> NDArray[np.float64]:
    """Gaussian noise of a feature size in voxels, with unit standard deviation."""
    blurred = ndimage.gaussian_filter(rng.standard_normal(shape), sigma)
    return blurred / blurred.std()


def direction(rng: Generator) -> NDArray[np.float64]:
    vector = rng.standard_normal(3)
    return vector / np.linalg.norm(vector)


def ball(rng: Generator, shape: tuple[int, ...], wobble: float = 0.0) -> NDArray[np.bool_]:
    """An ellipsoid that fills the volume, its surface folded by `wobble` of its radius."""
    radius = np.linalg.norm(grid(shape), axis=0)
    return radius < 0.98 - wobble + wobble * np.clip(noise(rng, shape, rng.uniform(1.5, 3)), -1, 1)


def blobs(rng: Generator, shape: tuple[int, ...], count: int) -> Labels:
    """Triple lines and quadruple points everywhere."""
    sigma = rng.choice([1.2, 1.5, 2.0, 2.5, 3.0])
    labels = np.argmax([noise(rng, shape, sigma) for _ in range(count)], axis=0) + 1
    return np.where(ball(rng, shape, rng.choice([0, 0.1])), labels, 0).astype(np.uint8)


def sheets(rng: Generator, shape: tuple[int, ...], count: int) -> Labels:
    """Sheets of one to two voxels, flat or curved, at any angle, one through another."""
    labels = np.where(ball(rng, shape), count, 0).astype(np.uint8)
    voxels = np.indices(shape) - (np.array(shape) / 2 + rng.uniform(-0.5, 0.5, 3))[:, None, None, None]
    for label in range(1, count):
        for _ in range(int(rng.integers(1, 3))):
            normal = direction(rng) if rng.random() < 0.8 else np.eye(3)[rng.integers(3)]
            height = np.tensordot(normal, voxels, 1)
            if rng.random() < 0.5:
                centre = normal * rng.uniform(6, 20)
                height = np.linalg.norm(voxels - centre[:, None, None, None], axis=0) - rng.uniform(5, 20)
            thick, at = rng.uniform(1.0, 2.0), rng.uniform(-8, 8)
            labels[(np.abs(height - at) < thick / 2) & (labels > 0)] = label
    return labels


def thin_csf(rng: Generator, shape: tuple[int, ...], count: int) -> Labels:
    """White, folded gray, one voxel of CSF, bone, scalp; in places the CSF is missing."""
    radius = np.linalg.norm(grid(shape), axis=0)
    folds = noise(rng, shape, rng.uniform(1.5, 3))
    gray = radius + 0.06 * folds < 0.66
    white = radius + 0.12 * folds < 0.45
    csf = ndimage.binary_dilation(gray, ndimage.generate_binary_structure(3, int(rng.integers(1, 4))))
    if rng.random() < 0.5:
        csf &= gray | (noise(rng, shape, 3) > -0.7)
    bone = csf | (radius < 0.8) | ndimage.binary_dilation(csf)
    layers = [white, gray, csf, bone, ball(rng, shape) | ndimage.binary_dilation(bone)]
    labels = np.zeros(shape, np.uint8)
    for label in range(len(layers), 0, -1):
        labels[layers[label - 1]] = label
    eye = np.linalg.norm(grid(shape) - (0.85 * direction(rng))[:, None, None, None], axis=0) < 0.25
    labels[eye & (labels > 3)] = 6
    return labels if count > 4 else np.where(labels == 6, 5, labels).astype(np.uint8)


def touching(rng: Generator, shape: tuple[int, ...], count: int) -> Labels:
    """Blocks that touch along faces, edges and corners, and checkerboards of one or two voxels."""
    labels = np.where(ball(rng, shape), count, 0).astype(np.uint8)
    index = np.indices(shape)
    for label in range(1, count):
        for _ in range(int(rng.integers(2, 6))):
            low = rng.integers(MARGIN, np.array(shape) - 6)
            side = rng.integers(1, 7, 3)
            block = ((index >= low[:, None, None, None]) & (index < (low + side)[:, None, None, None])).all(
                axis=0
            )
            beside = np.roll(block, side * rng.integers(0, 2, 3), axis=(0, 1, 2))
            labels[(block | beside) & (labels > 0)] = label
    size = int(rng.integers(1, 4))
    board = (index // size).sum(axis=0) % 2 == 0
    part = np.tensordot(direction(rng), grid(shape), 1) > rng.uniform(0, 0.5)
    labels[board & part & (labels > 0)] = 1
    return labels


def holes(rng: Generator, shape: tuple[int, ...], count: int) -> Labels:
    """Tunnels and cavities, of other tissues and of background."""
    labels = blobs(rng, shape, count) if rng.random() < 0.4 else shells(rng, shape, count)
    voxels = np.indices(shape) - (np.array(shape) / 2)[:, None, None, None]
    for _ in range(int(rng.integers(2, 7))):
        axis, start = direction(rng), rng.uniform(-8, 8, 3)[:, None, None, None]
        along = np.tensordot(axis, voxels - start, 1)
        across = np.linalg.norm(voxels - start - along * axis[:, None, None, None], axis=0)
        tunnel = across < rng.uniform(0.7, 3)
        cavity = np.linalg.norm(voxels - start, axis=0) < rng.uniform(1, 5)
        labels[(tunnel if rng.random() < 0.6 else cavity) & (labels > 0)] = rng.integers(0, count + 1)
    return labels


def islands(rng: Generator, shape: tuple[int, ...], count: int) -> Labels:
    """Single voxels and pairs of them, in other tissues and on their borders."""
    labels = shells(rng, shape, count)
    spots = rng.random(shape) < rng.choice([0.005, 0.02, 0.08])
    grown = spots | (np.roll(spots, 1, axis=int(rng.integers(3))) & (rng.random(shape) < 0.5))
    scattered = rng.integers(1, count + 1, shape)
    return np.where(grown & (labels > 0), scattered, labels).astype(np.uint8)


def shells(rng: Generator, shape: tuple[int, ...], count: int) -> Labels:
    """Ellipsoids in ellipsoids, with folds; neighbours are fractions of a voxel to several voxels apart."""
    points, labels = grid(shape), np.zeros(shape, np.uint8)
    radius = np.linalg.norm(points, axis=0)
    edges = np.sort(rng.uniform(0.15, 0.97, count - 1))
    amplitude = rng.choice([0.0, 0.05, 0.1, 0.2])
    folds = amplitude * noise(rng, shape, rng.uniform(1.5, 4))
    for label, edge in zip(range(count, 0, -1), [0.97, *edges[::-1]], strict=True):
        labels[radius + folds * (edge < 0.97) < edge] = label
    labels[radius >= 0.97] = 0
    return labels


def wedges(rng: Generator, shape: tuple[int, ...], count: int) -> Labels:
    """Sectors that meet at a line, thin ones among them, cut by a second tissue."""
    points = np.tensordot(Rotation.random(rng=rng).as_matrix(), grid(shape), 1)
    angle, sectors = np.arctan2(points[1], points[0]), max(count - 1, 3)
    edges = np.sort(rng.uniform(-np.pi, np.pi, sectors))
    labels = np.searchsorted(edges, angle) % sectors + 2
    labels[np.abs(points[2] - rng.uniform(-0.3, 0.3)) < rng.choice([0.04, 0.2, 0.4])] = 1
    return np.where(ball(rng, shape), labels, 0).astype(np.uint8)


def flaps(rng: Generator, shape: tuple[int, ...], count: int) -> Labels:
    """A layered ball with flat ears of two voxels and spikes that stick out into the background."""
    radius = np.linalg.norm(grid(shape), axis=0)
    labels = np.where(radius < 0.65, np.minimum(radius / 0.65 * count, count - 1).astype(np.uint8) + 1, 0)
    voxels = np.indices(shape) - (np.array(shape) / 2)[:, None, None, None]
    for _ in range(int(rng.integers(1, 4))):
        normal = direction(rng)
        height = np.tensordot(normal, voxels, 1) - rng.uniform(-4, 4)
        ear = (np.abs(height) < rng.uniform(0.9, 1.6)) & (radius < rng.uniform(0.8, 0.98))
        labels[ear & (np.tensordot(direction(rng), voxels, 1) > 0) & (labels == 0)] = rng.integers(
            1, count + 1
        )
    return labels.astype(np.uint8)


KINDS = {
    "blobs": blobs,
    "sheets": sheets,
    "thin CSF": thin_csf,
    "touching": touching,
    "holes": holes,
    "islands": islands,
    "shells": shells,
    "wedges": wedges,
    "flaps": flaps,
}


def placed(linear: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Affine with this linear part that puts the middle of the volume near the origin."""
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = -linear @ (np.array(shape) / 2) + (3.0, -5.0, 7.0)
    return affine


def turned(rng: Generator, sizes: tuple[float, ...]) -> NDArray[np.float64]:
    return Rotation.random(rng=rng).as_matrix() @ np.diag(sizes)


AFFINES = {
    "1 mm": lambda rng, shape: placed(np.eye(3), shape),
    "1 × 1 × 2 mm": lambda rng, shape: placed(np.diag([1.0, 1.0, 2.0]), shape),
    "oblique 1 × 1 × 2 mm": lambda rng, shape: placed(turned(rng, (1.0, 1.0, 2.0)), shape),
    "left-handed 1 mm": lambda rng, shape: placed(np.diag([-1.0, 1.0, 1.0]), shape),
    "oblique 0.8 mm": lambda rng, shape: placed(turned(rng, (0.8, 0.8, 0.8)), shape),
    "left-handed oblique 0.9 × 1.1 × 1.4 mm": lambda rng, shape: placed(turned(rng, (0.9, -1.1, 1.4)), shape),
    "sheared": lambda rng, shape: placed(
        turned(rng, (1.0, 1.0, 1.0)) @ (np.eye(3) + np.triu(rng.uniform(-0.08, 0.08, (3, 3)))), shape
    ),
}
