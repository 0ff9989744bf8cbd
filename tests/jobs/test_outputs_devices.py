# SPDX-License-Identifier: BSD-3-Clause
"""Numbers of poses are computed where the field lies, and are the same there."""

import numpy as np
from given.heads import coil

import headfield as hf
from headfield.core.device import is_on_gpu
from headfield.jobs.outputs import Outputs


def test_numbers_are_computed_where_the_field_lies(each_device):
    mesh = hf.sphere_mesh(radii_mm=[56, 74, 86], tags=[1, 2, 5], edge_mm=26)
    poses = hf.ring(hf.place(mesh, [0, 0, 86], [0, 50, 86]), [0, 20])
    if each_device == "cuda":
        import cupy

        poses = cupy.asarray(poses)
    kept = Outputs(keep=["metrics", "magnE"], target="mid-layer:0,0,64,30").bind(mesh)
    field = hf.HeadModel(mesh).solve(coil(), poses, elements=kept.elements)
    assert is_on_gpu(field.E) == (each_device == "cuda")
    there, here = kept.of(field), kept.of(field.on_host())
    for name, values in there.items():
        assert type(values) is np.ndarray
        np.testing.assert_allclose(values, here[name], rtol=2e-6, err_msg=name)
