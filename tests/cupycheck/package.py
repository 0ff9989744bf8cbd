# SPDX-License-Identifier: BSD-3-Clause
"""headfield on the real CuPy, with a driver that is only pretended and its own kernels run on the CPU."""

import importlib.util
import os
import sys

import driver

driver.install()

import cupy  # noqa: E402
import numpy as np  # noqa: E402

import headfield as hf  # noqa: E402


def install_kernels() -> None:
    """`_cuda` as `emulation.install` loads it, but without the stand-in for CuPy."""
    spec = importlib.util.spec_from_file_location(
        "headfield.core._cuda", os.environ["HEADFIELD_EMULATED_CUDA"]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["headfield.core._cuda"] = hf.core._cuda = module


def main() -> None:
    install_kernels()
    assert "emulated" not in cupy.__version__
    head = hf.sphere_mesh(radii_mm=[60, 70, 80], tags=[2, 3, 5], edge_mm=28)
    here, there = (hf.HeadModel(head, device=device) for device in ("cpu", "cuda"))
    # A small coil and a coarse table: where a GPU is emulated that of a whole coil takes ten seconds.
    coil = hf.figure_of_eight(inner_radius_mm=8.0, outer_radius_mm=16.0, separation_mm=34.0, spacing_mm=8.0)
    pose = hf.place(head, [10, 20, 80], [10, 70, 80])
    poses = hf.ring(pose, angles_deg=np.linspace(0, 160, 5))
    some = np.arange(0, head.n_tets, 3)
    coarse = {"primary_error": 0.01}
    for more in ({}, {"elements": some}, {"recovery": "interface"}):
        wanted = {"tol": 1e-7, "batch": 4, **coarse, **more}
        expected = here.solve(coil, poses, **wanted).E
        for kind in (np.asarray, cupy.asarray):
            found = there.solve(coil, kind(poses), **wanted).E
            assert isinstance(found, np.ndarray if kind is np.asarray else cupy.ndarray)
            host = found if kind is np.asarray else found.get()
            difference = np.linalg.norm(host - expected) / np.linalg.norm(expected)
            assert difference < (1e-5 if "recovery" in more else 1e-6), (more, kind, difference)
    patched = there.solve(coil, cupy.asarray(poses), recovery="patch", tol="auto", **coarse)
    assert patched.report.converged.all()
    with cupy.cuda.Stream(non_blocking=True):
        fields = list(there.iter_solve(coil, cupy.asarray(poses), batch=4, elements=some, **coarse))
    assert [len(f) for f in fields] == [4, 1]
    there._head.release()
    print("solved with CuPy", cupy.__version__)


if __name__ == "__main__":
    main()
