# SPDX-License-Identifier: BSD-3-Clause
"""What is done natively to images of labels, against SciPy's filters, distances and parts."""

import numpy as np
import pytest

from headfield.core.device import cpu, using_threads

ndimage = pytest.importorskip("scipy.ndimage")


def blobs(shape, n_tissues, seed, wide=2.0):
    """Labels 0…n_tissues in smooth random regions."""
    rng = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(rng.normal(size=shape), wide) for _ in range(n_tissues + 1)]
    return np.argmax(fields, axis=0).astype(np.uint8)


def shares(labels, tag, step):
    """The share of a label in each block, by padding and a mean."""
    padded = np.pad(labels == tag, [(0, -n % step) for n in labels.shape]).astype(float)
    nx, ny, nz = (n // step for n in padded.shape)
    return padded.reshape(nx, step, ny, step, nz, step).mean(axis=(1, 3, 5))


def expected_levels(labels, n_tissues, sigma, step):
    u = [
        ndimage.gaussian_filter(shares(labels, tag, step), sigma, mode="constant", truncate=4.0)
        for tag in range(1, n_tissues + 1)
    ]
    u = np.stack([1 - np.sum(u, axis=0), *u])
    return np.stack(
        [
            u[1 : k + 1].max(axis=0) - np.maximum(u[0], u[k + 1 :].max(axis=0, initial=0))
            for k in range(1, n_tissues + 1)
        ]
    )


@pytest.mark.parametrize(
    ("shape", "n_tissues", "sigma", "step"),
    [((9, 14, 23), 4, 0.8, 1), ((12, 7, 10), 1, 2.3, 1), ((13, 17, 11), 3, 0.8, 2), ((3, 2, 4), 2, 0.3, 3)],
)
def test_levels_are_those_of_smoothed_labels(shape, n_tissues, sigma, step):
    labels = blobs(shape, n_tissues, seed=1)
    levels = cpu.label_levels(labels, n_tissues, sigma, step)
    assert levels.dtype == np.float32
    np.testing.assert_allclose(levels, expected_levels(labels, n_tissues, sigma, step), atol=2e-6)


def test_levels_are_nested_and_bounded_and_negative_outside():
    labels = np.pad(blobs((20, 20, 20), 5, seed=2), 4)
    levels = cpu.label_levels(labels, 5, 0.8)
    assert (np.diff(levels, axis=0) >= 0).all()
    assert levels.min() >= -1
    assert levels.max() <= 1
    assert (levels[-1, 0] == -1).all()


def test_levels_of_a_tissue_that_does_not_occur_change_nothing():
    labels = blobs((10, 11, 12), 2, seed=3)
    apart = np.array([0, 1, 3], np.uint8)[labels]
    levels = cpu.label_levels(apart, 3, 0.8)
    assert np.array_equal(levels[[0, 2]], cpu.label_levels(labels, 2, 0.8))
    assert np.array_equal(levels[1], levels[0])


@pytest.mark.parametrize("seed", range(4))
def test_distances_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    shape, spacing = tuple(rng.integers(1, 40, 3)), rng.uniform(0.3, 3, 3)
    mask = (rng.random(shape) < 0.02 * seed).astype(np.uint8)
    mask[tuple(rng.integers(0, shape))] = 1
    expected = ndimage.distance_transform_edt(mask == 0, sampling=spacing)
    np.testing.assert_allclose(cpu.distance(mask, spacing.tolist()), expected, rtol=1e-6)


def test_distance_to_nothing_is_infinite():
    assert np.isinf(cpu.distance(np.zeros((2, 3, 4), np.uint8), [1.0, 1.0, 1.0])).all()


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize(("n_labels", "wide"), [(2, 0.3), (4, 0.5), (3, 1.5)])
def test_parts_are_those_of_scipy(diagonal, n_labels, wide):
    labels = blobs((17, 12, 21), n_labels - 1, seed=n_labels, wide=wide)
    part, size, first = cpu.voxel_parts(labels, diagonal)
    touching = ndimage.generate_binary_structure(3, 3 if diagonal else 1)
    count = 0
    for tag in range(n_labels):
        expected, n = ndimage.label(labels == tag, touching)
        pairs = np.unique(np.stack([part[expected > 0], expected[expected > 0]]), axis=1)
        assert pairs.shape[1] == n == len(np.unique(pairs[0]))  # one to one
        count += n
    assert count == len(size)
    assert np.array_equal(size, np.bincount(part.ravel()))
    assert np.array_equal(first, np.unique(part, return_index=True)[1])
    assert (np.diff(first) > 0).all()


def test_volumes_above_thresholds_are_those_of_interpolated_points():
    level = np.random.default_rng(7).normal(size=(7, 9, 8)).astype(np.float32)
    at = np.meshgrid(*[np.arange(2 * (n - 1)) / 2 + 0.25 for n in level.shape], indexing="ij")
    points = ndimage.map_coordinates(level, at, order=1)
    thresholds = [-1.5, -0.2, 0.0, 0.7, 9.0]
    volumes = cpu.volumes_above(level, thresholds)
    assert volumes == pytest.approx([np.count_nonzero(points > t) / 8 for t in thresholds], abs=2 / 8)
    flat = np.full((3, 3, 3), 0.5, np.float32)
    assert cpu.volumes_above(flat, [0.4, 0.5, 0.6]).tolist() == [8.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="ascend"):
        cpu.volumes_above(level, [1.0, 0.0])
    with pytest.raises(ValueError, match="shape"):
        cpu.volumes_above(level[0], [0.0])


def images_of(labels):
    levels = cpu.label_levels(labels, 4, 0.8)
    volumes = [cpu.volumes_above(level, [-0.1, 0.0, 0.1]) for level in levels]
    return levels, cpu.distance(labels, [1.0, 1.3, 2.0]), *volumes


def test_any_number_of_threads_gives_the_same_bits():
    labels = blobs((40, 30, 35), 4, seed=5)
    with using_threads(1):
        one = images_of(labels)
    with using_threads(3):
        three = images_of(labels)
    assert all(np.array_equal(a, b) for a, b in zip(one, three, strict=True))


def test_wrong_arguments_are_refused():
    labels = np.ones((3, 3, 3), np.uint8)
    for arguments, word in [
        ((labels[0], 1, 0.8), "shape"),
        ((labels[:0], 1, 0.8), "no voxels"),
        ((labels, 0, 0.8), "n_tissues"),
        ((labels, 256, 0.8), "n_tissues"),
        ((labels + 1, 1, 0.8), "above n_tissues"),
        ((labels, 1, 0.0), "sigma"),
        ((labels, 1, np.nan), "sigma"),
        ((labels, 1, 0.8, 0), "step"),
    ]:
        with pytest.raises(ValueError, match=word):
            cpu.label_levels(*arguments)
    for spacing in [[1.0, 0.0, 1.0], [1.0, np.inf, 1.0], [1.0, 1.0]]:
        with pytest.raises(ValueError, match="spacing"):
            cpu.distance(labels, spacing)
    with pytest.raises(TypeError):
        cpu.distance(labels.astype(float), [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="shape"):
        cpu.voxel_parts(labels[0], False)
