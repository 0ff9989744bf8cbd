# SPDX-License-Identifier: BSD-3-Clause
"""headfield: the electric field that a magnetic coil induces in a head.

>>> import headfield as hf
>>> mesh = hf.phantom_head(edge_mm=8)
>>> model = hf.HeadModel(mesh)
"""

from . import analytic, metrics
from .coil import Coil, circular_coil, figure_of_eight, read_coil
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
from .io.meshes import read_mesh, write_mesh
from .mesh import TetMesh
from .model import HeadModel
from .phantom import phantom_head, sphere_mesh
from .pose import check_poses, nearest_rotation, place, ring

__version__ = "0.1.0"

__all__ = [
    "Coil",
    "CoilError",
    "ConductivityError",
    "ConvergenceError",
    "DeviceError",
    "Field",
    "FileFormatError",
    "HeadModel",
    "HeadfieldError",
    "MeshError",
    "PoseError",
    "SolveReport",
    "TetMesh",
    "analytic",
    "check_poses",
    "circular_coil",
    "figure_of_eight",
    "metrics",
    "nearest_rotation",
    "phantom_head",
    "place",
    "read_coil",
    "read_mesh",
    "ring",
    "sphere_mesh",
    "write_mesh",
]
