# SPDX-License-Identifier: BSD-3-Clause
"""Hold the bits of E against those that were committed, for changes that must not move a number.

    python benchmarks/bits.py             # exit code 1 where the bits of a field have changed
    python benchmarks/bits.py --update    # the fields of this tree become the committed ones

The same input gives the same bits with any number of threads and in any batch, but not with every
instruction set: each has sums of its own, and a machine compares those that it has. The kernels for GPUs are
compared where they have been compiled for the CPU (`make test` does that). Input is rounded first, so that
the last digits of NumPy and of the C library, which differ between processors, do not reach the solver.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import headfield as hf

ROOT = Path(__file__).resolve().parents[1]
COMMITTED = Path(__file__).resolve().parent / "bits.json"
SETS = ("portable", "avx2", "avx512")
EMULATED = "emulated GPU"


def head() -> tuple[hf.TetMesh, np.ndarray]:
    """A ball of four tissues, and a tensor for each tetrahedron."""
    ball = hf.sphere_mesh(radii_mm=[70, 78, 84, 90], tags=[1, 2, 3, 5], edge_mm=11)
    mesh = hf.TetMesh(np.round(ball.nodes_mm, 6), ball.tets, ball.tags)
    half = np.round(np.random.default_rng(3).uniform(-0.3, 0.3, (mesh.n_tets, 3, 3)), 2)
    return mesh, np.round(half @ half.swapaxes(1, 2), 6) + 0.2 * np.eye(3)


def coils() -> dict[str, hf.Coil]:
    """A coil of dipoles, one of wire, and one that comes as samples of A."""
    random = np.random.default_rng(5)
    positions, moments = random.uniform(-30, 30, (50, 3)) - [0, 0, 40], random.uniform(-1, 1, (50, 3))
    turn = np.linspace(0.0, 2.0 * np.pi, 41)
    loop = np.stack([30 * np.cos(turn), 30 * np.sin(turn), np.full(41, -6.0)], 1)
    affine = np.diag([25.0, 25.0, 25.0, 1.0])
    affine[:3, 3] = -150.0
    samples = hf.SampledPotential(
        np.round(random.uniform(-1, 1, (13, 13, 13, 3)), 2).astype(np.float32), affine
    )
    return {
        "dipoles": hf.Coil(np.round(positions, 2), np.round(moments, 2)),
        "wire": hf.wire_coil(np.round(loop, 6)),
        "samples": hf.Coil(elements=[hf.CoilElement(samples)]),
    }


def poses() -> np.ndarray:
    """37 poses over the top of the ball."""
    top = np.diag([1.0, -1.0, -1.0, 1.0])
    top[:3, 3] = [10, -6, 95]
    return hf.ring(top, np.linspace(0, 330, 37))


def digests(device: str) -> dict[str, str]:
    """What was solved: the first digits of the hash of what came out."""
    mesh, tensors = head()
    cortex = hf.regions.tissue(mesh, 2)
    centres = mesh.nodes_mm[mesh.tets[cortex.elements[::7]]].mean(axis=1)
    points = hf.regions.points(mesh, np.round(centres, 3))
    k, rates = poses(), np.linspace(-1e6, 80e6, 37)
    uniform, tensor = (hf.HeadModel(mesh, sigma, device=device) for sigma in (None, tensors))
    found: dict[str, np.ndarray] = {}
    for name, coil in coils().items():
        found[f"E, {name}"] = uniform.solve(coil, k[:5], rates[:5]).E
    coil = coils()["dipoles"]
    found["E, direct sums"] = uniform.solve(coil, k[:1], 1e6, primary_error=0.0).E
    found["E in a tissue, tensors, 37 poses"] = tensor.solve(coil, k, rates, roi=cortex).E
    found["E in a tissue, batches of 8"] = tensor.solve(coil, k, rates, roi=cortex, batch=8).E
    for kind in ("interface", "patch"):
        field = uniform.solve(coil, k[:8], rates[:8], recovery=kind)
        found |= {f"E, {kind}": field.E, f"local error, {kind}": field.local_error}
        found[f"E at points, {kind}"] = uniform.solve(coil, k, rates, roi=points, recovery=kind).E
    found["E at points"] = uniform.solve(coil, k[:4], 1e6, roi=points).E
    auto = uniform.solve(coil, k[:5], rates[:5], tol="auto")
    found |= {"potential": auto.potential, "E, tolerance by itself": auto.E}
    found["discretisation error"] = auto.report.discretisation_error
    guessed = uniform.solve(coil, k[1:6], rates[:5], initial=auto.potential, tol=1e-8)
    found["potential from a guess"] = guessed.potential
    found["residuals"] = guessed.report.residual
    return {
        name: hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()[:16] for name, a in found.items()
    }


def everywhere() -> dict[str, dict[str, str]]:
    """Digests by instruction set, of those this machine has, and of the emulated GPU if it is there."""
    found = {}
    for name in (*SETS, EMULATED):
        if name == EMULATED and not list((ROOT / "build" / "emulated").glob("_cuda*.so")):
            continue
        environment = dict(os.environ, HEADFIELD_DEVICE="cpu")
        environment |= {} if name == EMULATED else {"HEADFIELD_INSTRUCTION_SET": name}
        command = [sys.executable, __file__, "--one", name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found[name] = json.loads(done.stdout)
        elif "HEADFIELD_INSTRUCTION_SET" not in done.stderr:
            raise RuntimeError(done.stderr)
    return found


def one(name: str) -> dict[str, str]:
    """Digests in this process."""
    if name != EMULATED:
        return digests("cpu")
    sys.path.insert(0, str(ROOT / "tests"))
    import emulation

    missing = emulation.install()
    if missing:
        raise RuntimeError(missing)
    return digests("cuda")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="commit the fields of this tree")
    parser.add_argument("--one", metavar="NAME", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one)))
        return 0
    found = everywhere()
    committed = json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {}
    if options.update:
        COMMITTED.write_text(json.dumps(committed | found, indent=1) + "\n")
        return 0
    changed = [
        f"{name}: {what}"
        for name, fields in found.items()
        for what in committed.get(name, {}).keys() | fields.keys()
        if committed.get(name, {}).get(what) != fields.get(what)
    ]
    print(
        f"bits of E: {sum(map(len, found.values()))} fields, with {', '.join(found)}; {len(changed)} changed"
    )
    print("\n".join(sorted(changed)))
    return bool(changed)


if __name__ == "__main__":
    sys.exit(main())
