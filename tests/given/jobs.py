# SPDX-License-Identifier: BSD-3-Clause
"""A small job in a folder: a head, a coil and poses as files, and what its results are."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import headfield as hf

from . import heads

POSES = 10


def files(folder, poses=POSES):
    """Write head, coil and poses; returns the folder."""
    folder = Path(folder)
    mesh = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20)
    hf.write_mesh(folder / "head.msh", mesh)
    hf.write_coil(folder / "coil.tcd", heads.coil())
    hf.write_poses(folder / "poses.npy", heads.poses(poses))
    return folder


def job(folder, /, **changed):
    """The job of these files: chunks of two poses, with E."""
    how = {"heads": "head.msh", "coils": "coil.tcd", "poses": "poses.npy", "didt": "50e6", "chunk": 2}
    how |= {"outputs": hf.jobs.Outputs(keep=["metrics", "E"]), "device": "cpu", "base": str(folder)}
    return hf.jobs.Job(**how | changed)


def contents(folder):
    """The bytes of every chunk in a folder of results, by path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(Path(folder).glob("*/*/*.npz"))}


def leftovers(folder):
    """Files that are neither chunks nor the record."""
    found = [p for p in Path(folder).rglob("*") if p.is_file() and p.suffix != ".npz"]
    return [p.name for p in found if p.name != "job.json"]


def same(one, other):
    """Whether two tables of results hold the same bits."""
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f") for name in one
    )


def command(folder, *arguments, **how):
    """Start `headfield jobs run` on the job of a folder in a process of its own."""
    job(folder).write(Path(folder) / "job_file.json")
    words = ["jobs", "run", str(Path(folder) / "job_file.json"), "-o", str(Path(folder) / "out"), *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "headfield", *words], env=environment, **how)
