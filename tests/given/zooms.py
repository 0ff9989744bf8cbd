# SPDX-License-Identifier: BSD-3-Clause
"""Small heads to look closer at, and sources of which the field is known."""

import functools

import numpy as np

import headfield as hf
from headfield.core.device import cpu, select
from headfield.heads.refinement import Edges
from headfield.solve.drives.coil import CoilTables
from headfield.solve.head import DeviceHead
from headfield.solve.zoom.level import Level
from headfield.solve.zoom.part import cut
from headfield.solve.zoom.whole import Whole

COIL = hf.Coil([[-30, 0, -5], [30, 0, -5]], [[0, 0, -1], [0, 0.2, 1]])  # summed directly, in no time


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[60, 68, 74, 80], tags=[1, 2, 4, 5], edge_mm=14)


@functools.cache
def model():
    return hf.HeadModel(head())


@functools.cache
def poses(k=3):
    return hf.ring(hf.place(head(), [0, 0, 84], [0, 50, 84]), np.linspace(0, 90, k))


def ball(centre_mm=(0.0, 0.0, 55.0), radius_mm=18.0, mesh=None):
    return hf.regions.sphere(head() if mesh is None else mesh, centre_mm, radius_mm)


def gray(mesh=None):
    """Gray matter below the coil."""
    mesh = head() if mesh is None else mesh
    return ball((0.0, 0.0, 64.0), 20.0, mesh) & hf.regions.tissue(mesh, 2)


def points_in(region, each=4):
    """The same tetrahedra, as random points in them."""
    mesh, rng = region.mesh, np.random.default_rng(0)
    elements = np.repeat(region.elements, each)
    weights = rng.dirichlet(np.ones(4), len(elements))
    return hf.regions.points(mesh, np.einsum("pi,pid->pd", weights, mesh.nodes_mm[mesh.tets[elements]]))


def zoomed(region, of=None, **options):
    """A zoom for the coil at three poses."""
    options = {"primary_error": 0.0, "error": 0.05} | options
    return (model() if of is None else of).zoom(region, COIL, poses(), **options)


def solved(zoom, at=None, didt=1e6, **options):
    return zoom.solve(COIL, poses() if at is None else at, didt, **{"primary_error": 0.0} | options)


class Known:
    """A drive by ∂A/∂t, V/m, of which functions of places (n, 3), m, are given, one for each source."""

    has_primary, on_gpu, first, poses, didt, primary_error = True, False, 0, None, None, 0.0

    def __init__(self, *rates):
        self._rates, self.scale = rates, np.ones(len(rates))

    def __len__(self):
        return len(self._rates)

    def primary(self, head, part, adot):
        places = head.device.get(head.nodes_m)
        adot[:] = 0.0
        for column, rate in enumerate(self._rates[part]):
            adot[:, :, column] = head.device.put(rate(places).astype(np.float32))

    def load(self, head, part, adot, b):
        head.right_hand_side(adot, b)


def whole_of(mesh, conductivity):
    """What `HeadModel.zoom` hands on, of conductivities (m,) or (m, 3, 3)."""
    device = select("cpu")
    there = DeviceHead(mesh, conductivity, device, 2)
    return Whole(mesh, conductivity, there, CoilTables(mesh.nodes_mm, device), 2, lambda drive: None)


def levels(whole, region, margin_mm, refinements, quadratic=True):
    """Levels of a part: as it is, and with all of its edges halved time and again."""
    part = cut(whole.mesh, np.unique(region.elements).astype(np.int32), margin_mm)
    edges = Edges.of_tets(part.tets, len(part.nodes_mm))
    for step in range(refinements + 1):
        if step:
            part = part.halved(edges, np.ones(len(edges.ends), bool))
            edges = Edges.of_tets(part.tets, len(part.nodes_mm))
        chosen = np.zeros(len(edges.ends), bool)
        chosen[edges.of[part.touching]] = quadratic
        yield Level(whole, part, edges, chosen)


def on_level(level, drive, rim, points):
    """E (k, p, 3) of a drive at points of a part, with potentials (r, k) at its rim."""
    from headfield.solve.zoom.sampling import Sampling

    k = len(drive)
    width = next(w for w in cpu.widths if w >= k)
    padded = np.zeros((len(rim), width))
    padded[:, :k] = rim
    columns = level.solve(drive, slice(0, k), padded, np.full(k, 1e-9), 100)
    assert all(c.residual < 1e-6 for c in columns)
    field = np.empty((k, len(points), 3), np.float32)
    Sampling(level.operators, points).fill(level.phi, level.adot, np.ones(k), field)
    return field
