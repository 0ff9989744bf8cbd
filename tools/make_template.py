# SPDX-License-Identifier: BSD-3-Clause
"""Make the data of `headfield.template_head` from maps of the ICBM 152 brain; needs scipy, nibabel.

    python tools/make_template.py MAPS src/headfield/heads/segmentation

MAPS is the folder `nilearn/datasets/data` of an installed nilearn, with maps of gray and white matter at 1 mm
(symmetric, 2009a). The brain is theirs. Skull, scalp, face, neck and spinal cord are shapes that are
written down here. `NOTICE` has the terms of the maps.

The maps are averages over 152 brains, and so blurred: at half, sulci would be closed. They are sharpened by
adding what a Gaussian takes away, and cut a little above half.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel
import numpy as np
from scalp_positions import LANDMARKS, positions
from scipy import ndimage

from headfield.heads.segmentation.grids import sampled, signed_distance
from headfield.heads.segmentation.shells import shells_around
from headfield.heads.segmentation.template import (
    BRAIN_MM,
    CORNER_MM,
    DISTANCE_UNITS,
    SHAPE,
    SHELL_MM,
    SHELL_STEP_MM,
)

LOW, HIGH = np.array(CORNER_MM), np.array(CORNER_MM) + np.array(SHAPE) - 1
SHARPNESS, BLUR_MM, CUT = 2.5, 3.0, 0.65
WHITE_SHARPNESS_MM = 1.0, 2.0
THINNEST_GRAY_MM = 0.8
LEAST_FLUID_MM = 2.5  # between brain and bone; grids of 3 mm take up to 1 mm of it
ISLAND_VOXELS = 150
CORD = (np.array([0, -46.0, -66]), np.array([0, -52.0, -86]), 6.0)  # ends and radius, mm
NECK_END_MM = -112.0


def maps(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of gray and white matter in each voxel, on the whole grid of the template."""
    whole = []
    for name in ("gm", "wm"):
        image = nibabel.load(folder / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz")
        data = np.asanyarray(image.dataobj).astype(np.float32) / 255
        start = np.rint(image.affine[:3, 3] - [-HIGH[0], LOW[1], LOW[2]]).astype(int)
        stop = np.rint([2 * HIGH[0] + 1, *(HIGH - LOW)[1:] + 1]).astype(int) - start - data.shape
        padded = np.pad(data, [(max(a, 0), max(b, 0)) for a, b in zip(start, stop, strict=True)])
        whole.append(
            padded[
                tuple(
                    slice(max(-a, 0), n - max(-b, 0))
                    for a, b, n in zip(start, stop, padded.shape, strict=True)
                )
            ]
        )
    return whole[0], whole[1]


def sharpened(share: np.ndarray, amount: float, blur_mm: float) -> np.ndarray:
    """Return an image with the contrast raised that a Gaussian takes away."""
    return share + amount * (share - ndimage.gaussian_filter(share, blur_mm))


def distance_of(level: np.ndarray) -> np.ndarray:
    """Return about the distance to the zero of a level, mm, positive inside, clipped at 2: level / slope."""
    slope = np.sqrt(sum(np.square(each) for each in np.gradient(level)))
    distance = np.clip(level / np.maximum(slope, 0.02), -BRAIN_MM, BRAIN_MM)
    return ndimage.gaussian_filter(distance, 0.6).astype(np.float32)


def without_islands(distance: np.ndarray, *, largest_only: bool) -> np.ndarray:
    """Return a distance, positive inside, without small parts inside and outside."""
    for sign in (1, -1):
        parts, _ = ndimage.label(sign * distance > 0)
        size = np.bincount(parts.ravel())
        keep = size == size[1:].max() if largest_only and sign > 0 else size >= ISLAND_VOXELS
        keep[0] = True
        distance = np.where(keep[parts], distance, -sign * np.maximum(np.abs(distance), 0.5))
    return distance


def capsule(points: list[np.ndarray], a: np.ndarray, b: np.ndarray, radius: float) -> np.ndarray:
    """Return the distance to a segment with a radius, mm, negative inside."""
    along = b - a
    share = np.clip(
        sum((x - p) * d for x, p, d in zip(points, a, along, strict=True)) / (along @ along), 0, 1
    )
    return np.sqrt(sum((x - p - share * d) ** 2 for x, p, d in zip(points, a, along, strict=True))) - radius


def ellipsoid(points: list[np.ndarray], centre: tuple, radii: tuple) -> np.ndarray:
    """Return about the distance to an ellipsoid, mm, negative inside."""
    scaled = np.sqrt(sum(((x - c) / r) ** 2 for x, c, r in zip(points, centre, radii, strict=True)))
    slope = np.sqrt(sum(((x - c) / r**2) ** 2 for x, c, r in zip(points, centre, radii, strict=True)))
    return scaled * (scaled - 1) / np.maximum(slope, 1e-6)


def smooth_minimum(a: np.ndarray, b: np.ndarray, width_mm: float) -> np.ndarray:
    """Return the smaller of two distances, rounded where they differ by less than a width.

    The polynomial smooth minimum of Quílez: min(a, b) − h²/(4 w), h = max(w − |a − b|, 0).
    """
    rounding = np.maximum(np.float32(width_mm) - np.abs(a - b), 0)
    return np.minimum(a, b) - rounding * rounding / np.float32(4 * width_mm)


def with_face_and_neck(scalp: np.ndarray, points: list[np.ndarray]) -> np.ndarray:
    """Return the distance to the head, mm: the scalp, joined smoothly with face, nose, jaw, ears and neck."""
    side = [np.abs(points[0]), *points[1:]]
    neck = capsule(points, np.array([0, -30.0, -60]), np.array([0, -48.0, -180]), 53)
    nose = capsule(points, np.array([0, 89.0, -44]), np.array([0, 98.0, -64]), 5)
    for shape, width in (
        (ellipsoid(points, (0, 36, -60), (52, 54, 56)), 24),  # face
        (ellipsoid(side, (16, 46, -88), (30, 38, 22)), 24),  # jaw and cheeks
        (neck, 36),
        (nose, 14),
        (ellipsoid(points, (0, 87, -66), (14, 9, 6)), 8),  # wings of the nose
        (ellipsoid(points, (0, 81, -83), (22, 10, 7)), 10),  # mouth
        (ellipsoid(points, (0, 76, -104), (18, 14, 11)), 14),  # chin
        (ellipsoid(side, (24, 80, -26), (22, 7, 5)), 14),  # brow
        (ellipsoid(side, (84, -34, -44), (5, 14, 26)), 6),  # ears
    ):
        scalp = smooth_minimum(scalp, shape, width)
    socket = ellipsoid(side, (33, 94, -43), (14, 11, 9))
    scalp = -smooth_minimum(-scalp, socket, 12)
    return -smooth_minimum(-scalp, points[2] - np.float32(NECK_END_MM), 12)


def packed(distance_mm: np.ndarray, most_mm: float) -> np.ndarray:
    """Return distances as `template_levels` unpacks them."""
    units = np.rint(np.clip(distance_mm, -most_mm, most_mm) * DISTANCE_UNITS).astype(np.int8)
    return np.diff(units, axis=2, prepend=np.int8(0))


def packed_brain(distance: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the part of a distance that has any brain, packed."""
    there = np.argwhere(distance > -BRAIN_MM).max(axis=0) + 2
    return packed(distance[tuple(slice(a, b) for a, b in zip(start, there, strict=True))], BRAIN_MM)


def shell_positions() -> list[np.ndarray]:
    """Return where shells are stored, in voxels of 2 mm of the whole grid."""
    first = [HIGH[0], 0, 0]
    return [
        (a + np.arange(0, n - 1 + SHELL_STEP_MM, SHELL_STEP_MM)) / 2
        for a, n in zip(first, SHAPE, strict=True)
    ]


def write_positions(path: Path, head: np.ndarray) -> None:
    """Write electrodes and landmarks on a head, given by distances every 2 mm."""
    first = np.array([-HIGH[0], *LOW[1:]])

    def distance(points: np.ndarray) -> np.ndarray:
        return ndimage.map_coordinates(head, ((points - first) / 2).T, order=1, mode="nearest")

    lines = ["Type,X,Y,Z,ElectrodeName"]
    for name, point in positions(distance).items():
        kind = "Fiducial" if name in LANDMARKS else "Electrode"
        lines.append(f"{kind},{','.join(f'{x + 0:.2f}' for x in point)},{name}")
    path.write_text("\n".join(lines) + "\n")


def brain_distances(folder: Path, points: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances, mm, positive inside, to white matter, and to all of the brain and the cord."""
    gray, white = maps(folder)
    share = sharpened(ndimage.gaussian_filter(gray + white, 0.6), SHARPNESS, BLUR_MM)
    brain = without_islands(distance_of(share - CUT), largest_only=True)
    brain = np.maximum(brain, np.clip(-capsule(points, *CORD), -BRAIN_MM, BRAIN_MM))
    core = without_islands(distance_of(sharpened(white - gray, *WHITE_SHARPNESS_MM)), largest_only=False)
    # Some gray matter everywhere between white matter and fluid, but no specks of it where there is no fluid.
    return without_islands(np.minimum(core, brain - THINNEST_GRAY_MM), largest_only=False), brain


def shell_distances(brain: np.ndarray, points: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the distances, mm, negative inside, every 2 mm: a grid with a node in the plane of symmetry."""
    room = 20
    at = [np.arange(-2.0 * room, n + 2 * room, 2) for n in brain.shape]
    around = shells_around(sampled(brain.astype(np.float32), at) > 0, (2, 2, 2))
    cut = tuple(slice(room, room + (n + 1) // 2) for n in brain.shape)
    inner, bone, scalp = (each[cut] for each in (around.inner_skull, around.outer_skull, around.scalp))
    # What 2 mm and smoothing have cut off the tips of gyri is made up for, layer by layer.
    brain_mm = signed_distance(brain > 0, (1, 1, 1))[::2, ::2, ::2]
    inner = np.minimum(inner, brain_mm - LEAST_FLUID_MM)
    bone = np.minimum(bone, inner - 4)
    scalp = np.minimum(scalp, bone - 4)
    second = [each[tuple(slice(None, None, 2 if n > 1 else 1) for n in each.shape)] for each in points]
    head = with_face_and_neck(scalp, second)
    bone = np.maximum(bone, np.minimum(head + 4, inner - 3))  # some scalp everywhere, and some bone
    return {"inner_skull": inner, "outer_skull": bone, "scalp": head}


def main() -> None:
    """Write template.npz and template_eeg.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("maps", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    axes = [np.arange(-HIGH[0], HIGH[0] + 1), *(np.arange(LOW[i], HIGH[i] + 1) for i in (1, 2))]
    points = [each.astype(np.float32) for each in np.meshgrid(*axes, indexing="ij", sparse=True)]
    white, brain = brain_distances(args.maps, points)
    shells = shell_distances(brain, points)
    start = np.array([0, *(np.flatnonzero((brain > -BRAIN_MM).any(axis=a))[0] for a in ((0, 2), (0, 1)))])
    arrays = {name: packed(sampled(each, shell_positions()), SHELL_MM) for name, each in shells.items()}
    for name, each in (("white", white), ("brain", brain)):
        arrays[name] = packed_brain(each[int(HIGH[0]) :], start)
    np.savez_compressed(args.out / "template.npz", brain_start=start, **arrays)
    write_positions(args.out / "template_eeg.csv", shells["scalp"])


if __name__ == "__main__":
    main()
