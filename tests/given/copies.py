# SPDX-License-Identifier: BSD-3-Clause
"""Ways for an object to get to another process or owner, and what must be the same when it arrives."""

import copy
import dataclasses
import pickle

import numpy as np

#: Functions that take an object and return what arrives, by name.
WAYS = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "pickle protocol 2": lambda thing: pickle.loads(pickle.dumps(thing, protocol=2)),
    "pickle protocol 5": lambda thing: pickle.loads(pickle.dumps(thing, protocol=5)),
    "deepcopy": copy.deepcopy,
}


def assert_same(a, b):
    """Arrays with the same bits, dtype and lock against writing; other values that are equal."""
    if not isinstance(a, np.ndarray):
        assert a == b
        return
    assert (a.dtype, a.shape, a.flags.writeable) == (b.dtype, b.shape, b.flags.writeable)
    assert a.tobytes() == b.tobytes()
    assert not np.may_share_memory(a, b)


def assert_same_parts(a, b, names):
    for name in names:
        assert_same(getattr(a, name), getattr(b, name))


def assert_same_meshes(a, b):
    for name in ("nodes_mm", "tets", "tags", "triangles", "triangle_tags", "node_ids"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def assert_same_regions(a, b):
    assert_same_meshes(a.mesh, b.mesh)
    assert_same_parts(a, b, ["elements", "barycentric", "normals", "faces", "weights", "centres_mm", "unit"])


def assert_same_reports(a, b):
    assert_same_parts(a, b, [field.name for field in dataclasses.fields(a)])


def assert_same_fields(a, b):
    assert_same_meshes(a.mesh, b.mesh)
    assert_same_reports(a.report, b.report)
    assert_same_parts(a, b, ["poses", "didt", "elements", "recovery", "at_points", "E", "magnitude"])
