# SPDX-License-Identifier: BSD-3-Clause
"""headfield on a GPU, measured like a peer: in a process of its own, through the public face.

Set-up: ``pip install .`` in the interpreter that runs the benchmark, with a CUDA compiler at hand.

Timed is ``HeadModel.solve`` from poses to E in all gray matter, with all of the coil's dipoles; the solve
alone is what its report says. Set-up seconds are those of a second model, when the device is warm.
"""

import sys
from functools import partial

import numpy as np

from peers import exchange, gpu

LABEL = "headfield"
INSTALL = "pip install . (with a CUDA compiler)"
WIDTHS = (1, 4, 8, 16, 32, 64)
QUICK = (1, 32)
CONFIGS = {
    "direct": {"primary_error": 0.0},  # dA/dt summed at every node; nothing is timed, its E is compared with
    "cupy": {"on_device": True},  # poses and E
    "numpy": {"on_device": False},
}


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing(device="cuda"):
    """Why headfield cannot run on the device, or an empty string."""
    if device == "cpu":
        return exchange.import_failure(launcher(1), "import headfield")
    sphere = "headfield.sphere_mesh(radii_mm=[80, 92], tags=[3, 5], edge_mm=25)"
    statement = f"import headfield; headfield.HeadModel({sphere}, device='cuda')"
    return exchange.import_failure(launcher(1), statement)


def solve(model, coil, arguments, poses, batch):
    """E and the report; E is asked for here, so that it is part of what is timed."""
    field = model.solve(coil, poses, gpu.DIDT, batch=batch, **arguments)
    return field.E, field.report


def measure(device, run, poses, repeats, batch):
    """Seconds of all poses in batches of ``batch``, and of the stages."""
    device.release()
    (_, report), entry = device.median(repeats, run, poses, batch)
    # Stages of the last repeat: E is evaluated last, so the report is complete by now.
    stages = {name: seconds / len(poses) for name, seconds in report.seconds.items()}
    entry = {name: seconds / len(poses) for name, seconds in entry.items()}
    entry |= {"solve_s": stages.get("solve"), "stages_s": stages, "batch_used": int(report.batch)}
    entry |= {"iterations": int(report.iterations.max()), "residual": float(report.residual.max())}
    return entry | device.memory()


def main():
    import headfield

    folder, settings, threads = exchange.arguments(CONFIGS)
    asked = gpu.case(folder)
    nodes_mm, tets, tags, poses = exchange.load(folder, "nodes_mm", "tets", "tags", "poses")
    mesh, coil = headfield.TetMesh(nodes_mm, tets, tags), headfield.read_coil(asked["coil"])
    arguments = {"elements": np.flatnonzero(tags == gpu.GRAY).astype(np.int32), "tol": gpu.TOLERANCE}
    device = gpu.Device(asked["device"])
    build = partial(headfield.HeadModel, mesh, device=asked["device"], threads=threads)
    numbers = {"version": f"headfield {headfield.__version__}"}
    if "primary_error" in settings:
        run = partial(solve, build(), coil, arguments | settings)
        keep_e(folder, device, run(poses[: gpu.COMPARED], 4)[0])
        exchange.finish(folder, None, **numbers)
        return
    model, numbers["first_setup_s"] = device.timed(build)
    del model
    device.release()
    model, numbers["setup_s"] = device.timed(build)
    numbers["stages_setup_s"] = model.seconds
    numbers["setup_memory"] = device.memory()
    run = partial(solve, model, coil, arguments)
    mine = device.array(poses) if settings["on_device"] else poses
    first, numbers["first_pose_s"] = device.timed(run, mine[:1], 1)  # holds what is done once for a coil
    del first
    keep_e(folder, device, run(mine[: gpu.COMPARED], 4)[0])
    measure_all = partial(measure, device, run, mine, asked["repeats"])
    numbers["solve"] = {}
    widths, leave = QUICK if asked["quick"] else WIDTHS, partial(leave_so_far, folder, numbers)
    gpu.each(widths, measure_all, numbers["solve"], leave)
    numbers["single"] = gpu.each([1], partial(measure, device, run, mine[:1], asked["repeats"]))["1"]
    exchange.finish(folder, None, **numbers)


def leave_so_far(folder, numbers):
    """What has been measured, should the next width take longer than there is time for."""
    exchange.finish(folder, None, **numbers)


def keep_e(folder, device, field):
    """E of the compared poses for the script, (k, gray, 3) in the order of the head's file."""
    np.save(folder / "e.npy", device.host(field))


if __name__ == "__main__":
    main()
