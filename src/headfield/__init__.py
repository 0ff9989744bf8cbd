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

from . import analytic, dose, jobs, metrics, optimize, regions, statistics
from .coils.casing import Casing
from .coils.coil import Coil
from .coils.deformation import Deformation, DeformationRange
from .coils.formats.casings import read_casing
from .coils.formats.wire_text import read_wire
from .coils.layouts import bent_figure_of_eight, circular_coil, double_cone, figure_of_eight
from .coils.parts import CoilElement, Stimulator, Waveform
from .coils.read import read_coil
from .coils.sources import Dipoles, SampledPotential, Segments
from .coils.stream_function import stream_function_coil, stream_function_wires
from .coils.wire import spiral_path, wire_coil, wire_segments
from .coils.write import write_coil
from .core.version import VERSION
from .dose.maps.replay import replay
from .dose.maps.replayed import Replay
from .errors import (
    ArgumentError,
    CoilError,
    ConductivityError,
    ConvergenceError,
    DeviceError,
    DoseError,
    FileFormatError,
    HeadfieldError,
    MeasureError,
    MeshError,
    MissingPackageError,
    NetworkError,
    PlausibilityWarning,
    PoseError,
    RegionError,
    StorageError,
)
from .fields.field import Field
from .fields.merge import merge_results
from .fields.plots import plot_difference, plot_layer, plot_montage
from .fields.read import read_result
from .fields.report import SolveReport
from .fields.result import Result
from .fields.save import write_result
from .geometry.surface import Surface
from .heads.eeg import EegPositions, read_eeg_positions
from .heads.findings import Finding, HeadReport
from .heads.mesh import TetMesh
from .heads.phantom import phantom_head, phantom_landmarks, sphere_mesh
from .heads.read import read_mesh
from .heads.segmentation.from_labels import head_from_labels
from .heads.segmentation.template import template_head, template_positions
from .heads.skin import skin, write_skin
from .heads.subject import Subject
from .heads.targets import NamedTarget, named_targets, targets
from .heads.tensors import conductivity_tensors
from .heads.thickness import thickened
from .heads.write import write_mesh
from .io.published import PublishedTables, read_tables
from .jobs.results import Results, read_results
from .measures.function import MeasureFunction
from .measures.measure import Measure
from .measures.percentile import Percentile
from .measures.ratio import Ratio
from .measures.target import Target, Targets
from .pictures.interfaces import plot_head
from .placement.clearance import casing_distance
from .placement.grid import ScalpGrid, scalp_grid
from .placement.place import place
from .placement.retreat import retreat
from .placement.underneath import ScalpGeometry, scalp_geometry
from .poses.placements import Placement, read_placements
from .poses.pose import check_poses, nearest_rotation, ring
from .poses.pose_list import PoseList
from .poses.read import read_pose_list, read_poses
from .poses.write import write_poses
from .realtime.make import realtime_basis
from .realtime.realtime import RealTime
from .realtime.store import read_realtime, write_realtime
from .regions.refine import refine
from .regions.region import Region
from .serving.invesalius import InVesaliusConnection
from .solve.gradients.gradient import Gradient
from .solve.model import HeadModel
from .solve.uncertainty.basis import ConductivityBasis
from .solve.uncertainty.jitter import PoseJitter
from .solve.uncertainty.make import conductivity_basis
from .solve.uncertainty.report import ConductivityReport
from .solve.uncertainty.result import Uncertainty
from .solve.zoom.report import ZoomLevel, ZoomReport
from .solve.zoom.zoom import Zoom
from .statistics.distributions import Beta, Normal, Uniform
from .targeting.compare import CoilComparison, compare_coils
from .targeting.evaluate import evaluate
from .targeting.network import target_of_map
from .targeting.reciprocity import ReciprocalField
from .targeting.result import Flatness, SearchReport, SearchResult
from .targeting.search import search
from .targeting.trade_off import TradeOff, trade_off

__version__ = VERSION

__all__ = [
    "ArgumentError",
    "Beta",
    "Casing",
    "Coil",
    "CoilComparison",
    "CoilElement",
    "CoilError",
    "ConductivityBasis",
    "ConductivityError",
    "ConductivityReport",
    "ConvergenceError",
    "Deformation",
    "DeformationRange",
    "DeviceError",
    "Dipoles",
    "DoseError",
    "EegPositions",
    "Field",
    "FileFormatError",
    "Finding",
    "Flatness",
    "Gradient",
    "HeadModel",
    "HeadReport",
    "HeadfieldError",
    "InVesaliusConnection",
    "Measure",
    "MeasureError",
    "MeasureFunction",
    "MeshError",
    "MissingPackageError",
    "NamedTarget",
    "NetworkError",
    "Normal",
    "Percentile",
    "Placement",
    "PlausibilityWarning",
    "PoseError",
    "PoseJitter",
    "PoseList",
    "PublishedTables",
    "Ratio",
    "RealTime",
    "ReciprocalField",
    "Region",
    "RegionError",
    "Replay",
    "Result",
    "Results",
    "SampledPotential",
    "ScalpGeometry",
    "ScalpGrid",
    "SearchReport",
    "SearchResult",
    "Segments",
    "SolveReport",
    "Stimulator",
    "StorageError",
    "Subject",
    "Surface",
    "Target",
    "Targets",
    "TetMesh",
    "TradeOff",
    "Uncertainty",
    "Uniform",
    "Waveform",
    "Zoom",
    "ZoomLevel",
    "ZoomReport",
    "analytic",
    "bent_figure_of_eight",
    "casing_distance",
    "check_poses",
    "circular_coil",
    "compare_coils",
    "conductivity_basis",
    "conductivity_tensors",
    "dose",
    "double_cone",
    "evaluate",
    "figure_of_eight",
    "head_from_labels",
    "jobs",
    "merge_results",
    "metrics",
    "named_targets",
    "nearest_rotation",
    "optimize",
    "phantom_head",
    "phantom_landmarks",
    "place",
    "plot_difference",
    "plot_head",
    "plot_layer",
    "plot_montage",
    "read_casing",
    "read_coil",
    "read_eeg_positions",
    "read_mesh",
    "read_placements",
    "read_pose_list",
    "read_poses",
    "read_realtime",
    "read_result",
    "read_results",
    "read_tables",
    "read_wire",
    "realtime_basis",
    "refine",
    "regions",
    "replay",
    "retreat",
    "ring",
    "scalp_geometry",
    "scalp_grid",
    "search",
    "skin",
    "sphere_mesh",
    "spiral_path",
    "statistics",
    "stream_function_coil",
    "stream_function_wires",
    "target_of_map",
    "targets",
    "template_head",
    "template_positions",
    "thickened",
    "trade_off",
    "wire_coil",
    "wire_segments",
    "write_coil",
    "write_mesh",
    "write_poses",
    "write_realtime",
    "write_result",
    "write_skin",
]
