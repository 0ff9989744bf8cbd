# SPDX-License-Identifier: BSD-3-Clause
"""GetDP: the field of one pose as a program, from files of head and dA/dt to files of potential and E.

Set-up: Debian 12, ``apt-get install getdp`` (3.2.0, with PETSc, hypre and MUMPS, without Gmsh).

``tms.pro`` beside this file is the problem in GetDP's language; GetDP assembles, solves and differentiates
with elements of its own. Its job starts ``getdp`` anew, so its seconds hold reading a binary Gmsh mesh,
numbering of unknowns, assembly, preconditioner or factorisation, one solve, and writing the potential at
all nodes (text, in GetDP's ``NodeTable``) and E in all tetrahedra (binary Gmsh list). One process, one
thread but for BLAS in MUMPS.

What differs from ``headfield solve``: GetDP is given dA/dt at the nodes, as text, which favours it: the sum
over the coil's dipoles is not timed. Without Gmsh, Debian's GetDP can't read it as a field, so it comes in
by constraints on a vector of nodal functions. The mean of a tetrahedron's four nodal values is taken, as in
problem.py, whose field it repeats (relative L2 distance on the small and the medium head with MUMPS 3e-10
and 4e-10).

Tuning, CPU seconds on the medium head (213 k nodes), which are noisy to a fifth: "default" is GetDP without
options, PETSc's MUMPS: 54, of which 24 are the factorisation, and 3 GB. "tuned" has CG with BoomerAMG, set
as peers/petsc.py has it: 33, of which 2 are set-up and solve; 11 go to numbering, 10 to assembly, 10 to
writing. dA/dt by elements (``BF_Volume``) in place of nodes takes as long. E as text takes twice as long to
write as the binary list, other formats more.
"""

import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from peers import exchange, petsc

LABEL = "GetDP"
INSTALL = "apt-get install getdp"
KIND = "field"
GROUND = 100  # tag of the node where the potential is fixed
CONFIGS = {"default": "", "tuned": f"{petsc.COMMON} {petsc.CONFIGS['boomeramg-tuned']}"}


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why this peer cannot run, or an empty string."""
    return "" if shutil.which("getdp") else "no getdp"


def write_mesh(path, nodes_m, tets, tags):
    """Gmsh 2.2, binary: the tetrahedra, and a point element at node 0 for the potential to be fixed at."""
    nodes = np.empty(len(nodes_m), dtype=[("number", "<i4"), ("point", "<f8", 3)])
    nodes["number"], nodes["point"] = np.arange(1, len(nodes) + 1), nodes_m
    numbers = np.arange(1, len(tets) + 1)
    elements = np.column_stack([numbers, tags, tags, tets + 1]).astype("<i4")
    point = [15, 1, 2, len(tets) + 1, GROUND, GROUND, 1]  # type, count, tags; number, tag, tag, node
    with path.open("wb") as file:
        file.write(b"$MeshFormat\n2.2 1 8\n" + np.int32(1).tobytes() + b"\n$EndMeshFormat\n")
        file.write(b"$Nodes\n%d\n" % len(nodes) + nodes.tobytes() + b"\n$EndNodes\n")
        file.write(b"$Elements\n%d\n" % (len(tets) + 1))
        file.write(np.array([4, len(tets), 2], dtype="<i4").tobytes() + elements.tobytes())
        file.write(np.array(point, dtype="<i4").tobytes() + b"\n$EndElements\n")


def write_inputs(folder, own):
    """The problem, the mesh, conductivities by tag, and dA/dt at the nodes."""
    import problem

    names = ("nodes_mm", "tets", "tags", "dipoles", "poses")
    nodes_mm, tets, tags, dipoles, poses = exchange.load(folder, *names)
    shutil.copy(Path(__file__).with_name("tms.pro"), own)
    write_mesh(own / "head.msh", nodes_mm * 1e-3, tets, tags)
    np.savetxt(own / "sigma.txt", [problem.CONDUCTIVITY[tag] for tag in sorted(problem.CONDUCTIVITY)])
    kept, pose = dipoles[:: problem.KEEP_DIPOLE], poses[0]
    placed = kept[:, :3] @ pose[:3, :3].T + pose[:3, 3] * 1e-3
    moments = problem.KEEP_DIPOLE * kept[:, 3:] @ pose[:3, :3].T
    rate = problem.vector_potential_rate(nodes_mm * 1e-3, placed, moments, 1)
    table = np.column_stack([np.arange(1, len(rate) + 1), rate])
    np.savetxt(own / "rate.txt", table, fmt="%d %.9e %.9e %.9e", header=str(len(rate)), comments="")


def solve(command, own):
    """Run GetDP; it says in its log how many iterations it took, or why it failed."""
    log = own / "getdp.log"
    with log.open("w") as file:
        done = subprocess.run(command, cwd=own, stdout=file, stderr=file)
    if done.returncode != 0:
        raise RuntimeError(exchange.complaint(log.read_text(errors="replace"), done.returncode))


def finish(folder, own):
    """Potential and E of the files that GetDP left, its iterations and peak memory."""
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0
    number, phi = np.loadtxt(own / "phi.txt", skiprows=1, unpack=True)
    phi = phi[np.argsort(number)]
    np.save(own / "x.npy", (phi[1:] - phi[0])[None])
    count = len(np.load(folder / "tets.npy", mmap_mode="r"))
    raw = (own / "e.pos").read_bytes()  # the view ends with six doubles of each tetrahedron: centre and E
    end = raw.rindex(b"\n$EndView")
    values = np.frombuffer(raw[end - count * 48 : end], dtype="<f8").reshape(count, 6)
    np.save(own / "e.npy", values[:, 3:].astype(np.float32))
    said = re.findall(r"(\d+) iterations", (own / "getdp.log").read_text())
    version = subprocess.run(["getdp", "-version"], capture_output=True, text=True, check=True)
    numbers = {"iterations": int(said[-1]) if said else 0, "memory_mib": memory}
    return numbers | {"version": f"GetDP {(version.stdout + version.stderr).strip()}"}


def main():
    folder, own, options, _ = exchange.arguments(CONFIGS)
    write_inputs(folder, own)
    command = [
        "getdp",
        "tms.pro",
        "-msh",
        "head.msh",
        "-solve",
        "Tms",
        "-pos",
        "Tms",
        "-bin",
        *options.split(),
    ]
    exchange.serve(own, {"field": lambda: solve(command, own), "finish": lambda: finish(folder, own)})


if __name__ == "__main__":
    main()
