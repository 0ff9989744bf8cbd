# SPDX-License-Identifier: BSD-3-Clause
"""headfield: the electric field that a magnetic coil induces in a head.

A whole problem: a head, a coil, a pose, a field.

>>> import headfield as hf
>>> model = hf.HeadModel(hf.phantom_head(edge_mm=8))
>>> coil = hf.figure_of_eight()
>>> pose = model.place(coil, centre_mm=[-46, -8, 70], handle_mm=[-46, 42, 70])
>>> model.solve(coil, pose, didt=50e6).E.shape
(1, 81920, 3)
"""

from . import analytic, metrics
from .casing import Casing
from .coil import Coil
from .coil_parts import CoilElement, Stimulator, Waveform
from .deformation import Deformation, DeformationRange
from .errors import (
    CoilError,
    ConductivityError,
    ConvergenceError,
    DeviceError,
    FileFormatError,
    HeadfieldError,
    MeshError,
    PoseError,
)
from .field import Field, SolveReport
from .io.coils import read_coil, write_coil
from .io.meshes import read_mesh, write_mesh
from .io.poses import read_poses
from .layouts import circular_coil, figure_of_eight
from .mesh import TetMesh
from .model import HeadModel
from .phantom import phantom_head, phantom_landmarks, sphere_mesh
from .pose import check_poses, nearest_rotation, place, ring
from .sources import Dipoles, SampledPotential, Segments

__version__ = "0.1.0"

__all__ = [
    "Casing",
    "Coil",
    "CoilElement",
    "CoilError",
    "ConductivityError",
    "ConvergenceError",
    "DeviceError",
    "Deformation",
    "DeformationRange",
    "Dipoles",
    "Field",
    "FileFormatError",
    "HeadModel",
    "HeadfieldError",
    "MeshError",
    "PoseError",
    "SampledPotential",
    "Segments",
    "SolveReport",
    "Stimulator",
    "TetMesh",
    "Waveform",
    "analytic",
    "check_poses",
    "circular_coil",
    "figure_of_eight",
    "metrics",
    "nearest_rotation",
    "phantom_head",
    "phantom_landmarks",
    "place",
    "read_coil",
    "read_mesh",
    "read_poses",
    "ring",
    "sphere_mesh",
    "write_coil",
    "write_mesh",
]
