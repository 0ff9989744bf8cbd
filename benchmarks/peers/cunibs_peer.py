# SPDX-License-Identifier: BSD-3-Clause
"""cuNIBS: conjugate gradients with an aggregation multigrid on the GPU, for heads and coils of this kind.

Set-up: ``pip install cunibs`` (Python 3.12 or newer, CUDA 13), in the interpreter that runs the benchmark or
in ``.venv-peers`` in the repository's root. cuNIBS is under the GPL: it is run here, and what is written
here comes from its documentation and docstrings alone.

Its tolerance is 1e-6, its conductivities are the same standard ones, and ``recovery="raw"`` (``None`` one
layer down) is the field per tetrahedron that headfield gives. ``Subject.iter_simulate`` takes placements
that it projects onto the scalp itself, hands back NumPy arrays of all tetrahedra and chooses its batch. So
"block" goes one public layer down, to ``cunibs.fem.solve_placements_block``: it takes coil transforms, leaves
E of all tetrahedra on the device, and is given every width that it offers. "block-basis" first prepares
cuNIBS's basis of 128 solved placements, from which later solves start. "sweep" is ``iter_simulate`` with raw
E downloaded, "metrics" the same as it comes: recovered field, gray-matter metrics only.
"""

import sys
from functools import cache, partial
from pathlib import Path

import numpy as np

from peers import exchange, gpu

LABEL = "cuNIBS"
INSTALL = "pip install cunibs"
WIDTHS = (1, 2, 4, 8)
QUICK = (1, 8)
SKIN = 1005  # surface tag
CONFIGS = {
    "block": {},
    "block-basis": {"basis": 128},
    "sweep": {"sweep": {"vectors": True, "recovery": "raw"}},
    "metrics": {"sweep": {"recovery": "harmonic"}},
}


def launcher(processes):
    """Command before the module's arguments."""
    own = Path(__file__).resolve().parents[2] / ".venv-peers" / "bin" / "python"
    return [str(own) if own.exists() and not imported(sys.executable) else sys.executable]


@cache
def imported(python):
    """Whether an interpreter has cuNIBS."""
    return not exchange.import_failure([python], "import cunibs.fem")


def missing():
    """Why this peer cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "import cunibs.fem")


def outer_faces(tets):
    """Triangles (f, 3) that belong to one tetrahedron only, normals outward."""
    faces = np.concatenate([tets[:, corners] for corners in ([1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1])])
    key = np.sort(faces, axis=1).astype(np.int64)
    key = (key[:, 0] * (tets.max() + 1) + key[:, 1]) * (tets.max() + 1) + key[:, 2]
    _, first, count = np.unique(key, return_index=True, return_counts=True)
    return np.ascontiguousarray(faces[first[count == 1]], dtype=np.int32)


def gray_order(mesh, nodes_mm, tets, tags):
    """cuNIBS's numbers of the gray tetrahedra, in the order of the head's file.

    It renumbers nodes and tetrahedra; coordinates stay as they are, so they tell which is which.
    """
    theirs_mm = np.asarray(mesh.nodes_mm)
    theirs, ours = np.lexsort(theirs_mm.T), np.lexsort(nodes_mm.T)
    if not np.array_equal(theirs_mm[theirs], nodes_mm[ours]):
        raise ValueError("cuNIBS moved nodes: no telling which tetrahedron is which")
    node = np.empty(len(nodes_mm), dtype=np.int64)
    node[theirs] = ours
    gray = np.flatnonzero(np.asarray(mesh.tet_tags) == gpu.GRAY)
    key = np.sort(node[np.asarray(mesh.tet_nodes)[gray]], axis=1)
    wanted = np.sort(tets[tags == gpu.GRAY], axis=1)
    order, place = np.lexsort(key.T), np.lexsort(wanted.T)
    if not np.array_equal(key[order], wanted[place]):
        raise ValueError("cuNIBS has other gray tetrahedra than the head's file")
    found = np.empty(len(gray), dtype=np.int64)
    found[place] = gray[order]
    return found


def sites(poses):
    """(centre, point the handle's axis goes through, distance), mm, of poses."""
    return [(pose[:3, 3], pose[:3, 3] + 50.0 * pose[:3, 1], 4.0) for pose in poses]


def solve_blocks(fem, context, coil, array, poses, width):
    """All results, ``width`` poses at a time; E stays on the device. ``array`` makes what transforms are."""
    found = []
    for start in range(0, len(poses), width):
        some = poses[start : start + width]
        dipoles = (coil.positions_m, coil.moments)
        options = {"transforms": array(some), "recovery": None, "vectors": True, "potential": False}
        found += fem.solve_placements_block(context, *dipoles, sites(some), gpu.DIDT, **options)
    return found


def block_solver(fem, context, coil, device, poses):
    """``solve_blocks`` with transforms as NumPy arrays, as documented; as CuPy arrays if it wants these."""
    run = partial(solve_blocks, fem, context, coil, np.ascontiguousarray)
    try:
        first = run(poses[:1], 1)[0]
    except (TypeError, AttributeError):
        run = partial(solve_blocks, fem, context, coil, device.array)
        first = run(poses[:1], 1)[0]
    if "transform" in first and not np.allclose(device.host(first["transform"]), poses[0], atol=1e-6):
        raise ValueError("cuNIBS did not take the pose it was given")
    return run


def sweep(subject, coil, options, placements, width):
    """How the solves of ``iter_simulate`` went; results go as they come. It chooses its width itself."""
    telemetry = []
    for result in subject.iter_simulate(coil, placements, gpu.DIDT, **options):
        telemetry.append({"iterations": result.iterations, "relative_residual": result.relative_residual})
    return telemetry


def measure(device, run, poses, repeats, width):
    """Seconds per pose of all poses, ``width`` at a time, and how the solves went."""
    device.release()
    found, entry = device.median(repeats, run, poses, width)
    entry = {name: seconds / len(poses) for name, seconds in entry.items()}
    for name, key in (("iterations", "iterations"), ("residual", "relative_residual")):
        entry[name] = max(float(result[key]) for result in found)
    return entry | device.memory()


def main():
    import cunibs
    from cunibs import fem

    folder, settings, _ = exchange.arguments(CONFIGS)
    asked = gpu.case(folder)
    nodes_mm, tets, tags, poses = exchange.load(folder, "nodes_mm", "tets", "tags", "poses")
    faces = outer_faces(tets)
    mesh = cunibs.HeadMesh(nodes_mm, tets, tags, faces, np.full(len(faces), SKIN, dtype=np.int32))
    coil = cunibs.Coil.load(asked["coil"])
    device = gpu.Device(asked["device"])
    numbers = {"version": f"cuNIBS {cunibs.__version__}"}
    subject = cunibs.Subject(mesh)
    _, numbers["first_setup_s"] = device.timed(lambda: subject.context)
    subject.free()
    device.release()
    subject = cunibs.Subject(mesh)
    context, numbers["setup_s"] = device.timed(lambda: subject.context)
    numbers["setup_memory"] = device.memory()
    if "basis" in settings:
        _, numbers["basis_s"] = device.timed(subject.prepare_sweep, coil, settings["basis"])
    if "sweep" in settings:
        run = partial(sweep, subject, coil, settings["sweep"])
        wanted, widths = [cunibs.Placement(*site) for site in sites(poses)], ["auto"]
    else:
        run = block_solver(fem, context, coil, device, poses)
        gray = device.array(gray_order(subject.mesh, nodes_mm, tets, tags))
        field = [device.host(result["E"][gray]) for result in run(poses[: gpu.COMPARED], 4)]
        np.save(folder / "e.npy", field)
        wanted, widths = poses, QUICK if asked["quick"] else WIDTHS
    repeats = asked["repeats"]
    numbers["solve"] = gpu.each(widths, partial(measure, device, run, wanted, repeats))
    numbers["single"] = gpu.each([1], partial(measure, device, run, wanted[:1], repeats))["1"]
    exchange.finish(folder, None, **numbers)


if __name__ == "__main__":
    main()
