# SPDX-License-Identifier: BSD-3-Clause
"""headfield as a program: one pose, from the files of head, coil and pose to a file with potential and E.

Set-up: ``pip install .`` in the interpreter that runs the benchmark.

``headfield solve`` is started anew each time, so its seconds hold the start of Python, reading a Gmsh file,
set-up of head and coil, one solve, and writing a Gmsh file of all nodes and tetrahedra.
"""

import resource
import subprocess
import sys

import numpy as np

from peers import exchange

LABEL = "headfield solve"
INSTALL = "pip install ."
KIND = "field"
CONFIGS = {"program": "--didt 1e6 --tol 1e-6 --device cpu --quiet"}


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why headfield cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "import headfield")


def write_inputs(folder, own):
    """Head, coil and pose as the files a user has; the conductivities as the command line wants them."""
    import problem

    import headfield

    names = ("nodes_mm", "tets", "tags", "dipoles", "poses")
    nodes_mm, tets, tags, dipoles, poses = exchange.load(folder, *names)
    headfield.write_mesh(own / "head.msh", headfield.TetMesh(nodes_mm, tets, tags))
    positions_mm, moments = dipoles[:: problem.KEEP_DIPOLE, :3] * 1e3, dipoles[:: problem.KEEP_DIPOLE, 3:]
    coil = headfield.Coil(dipole_positions_mm=positions_mm, dipole_moments=moments * problem.KEEP_DIPOLE)
    coil.write(own / "coil.ccd")
    np.save(own / "poses.npy", poses[:1])
    return [f"{tag}={problem.CONDUCTIVITY[tag]}" for tag in np.unique(tags)]


def solve(command):
    """Run the program; what it says on stderr goes where this process's goes."""
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def finish(own):
    """E of the file that the program left, and the peak memory of the program."""
    import headfield

    np.save(own / "e.npy", headfield.read_mesh(own / "out.msh").element_data["E"].astype(np.float32))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0
    return {"memory_mib": memory, "version": f"headfield {headfield.__version__}"}


def main():
    folder, own, options, threads = exchange.arguments(CONFIGS)
    conductivity = write_inputs(folder, own)
    files = [str(own / name) for name in ("head.msh", "coil.ccd", "poses.npy")]
    command = [sys.executable, "-m", "headfield", "solve", *files, "-o", str(own / "out.msh")]
    command += [*options.split(), "--threads", str(threads), "--conductivity", *conductivity]
    exchange.serve(own, {"field": lambda: solve(command), "finish": lambda: finish(own)})


if __name__ == "__main__":
    main()
