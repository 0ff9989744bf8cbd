# SPDX-License-Identifier: BSD-3-Clause
"""The rows of zoom.py: errors and times on a head, errors in a sphere."""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from recovery import MOMENTS, POSITIONS_MM, RADII_MM, TAGS
from suite import heads

import headfield as hf
from headfield.heads.refinement import Edges
from headfield.solve.zoom.zoom import Zoom

POSE = 425  # of those beside the checkout: over the left hand area
ANGLES_DEG = (0.0, 45.0, 90.0, 135.0)
OTHERS_DEG = tuple(15.0 * i + 7.5 for i in range(12))  # none that a mesh was made for
RADII = (20.0, 10.0)  # mm, of the region
STRONGEST = 50  # tetrahedra: the region is around their middle
POINTS = 8_000
TOP = 0.05  # share of the points whose bias is measured
TRUTH, TRUTH_MARGIN_MM, AROUND_MM = 0.006, 25.0, 15.0
MARGINS_MM, WIDEST_MM = (6.0, 10.0, 15.0, 25.0), 40.0
MARGIN_ERROR = 0.05
MOST_UNIFORM = 1_500_000  # nodes of a head that is refined everywhere around the region
BALL_MM = 15.0  # radius of the regions in spheres
Row = dict[str, Any]
Array = np.ndarray


class Head(NamedTuple):
    """A head with a coil over it, and where |E| of the first pose is largest in gray matter."""

    name: str
    model: hf.HeadModel
    coil: hf.Coil
    poses: Array  # (k, 4, 4) mm
    centre_mm: Array  # (3,)


class Place(NamedTuple):
    """A region, and points drawn evenly from its volume, of the same mesh."""

    region: hf.Region
    points: hf.Region


class Setting(NamedTuple):
    """Where errors are taken in a sphere: its layers, the coil, the middle of the region and its tissue."""

    radii_mm: Any
    tags: Any
    coil: hf.Coil
    centre_mm: tuple[float, float, float]
    tag: int


LAYERED = hf.Coil(POSITIONS_MM, MOMENTS)
# In white matter, below 0.7 of the radius; in gray matter, two tetrahedra thick; on its outer surface, seen
# from inside; and in a ball of one tissue, where the field of a dipole beside it is steep.
SETTINGS = {
    "deep": Setting(RADII_MM, TAGS, LAYERED, (4.0, 14.0, 42.0), 1),
    "layer": Setting(RADII_MM, TAGS, LAYERED, (5.0, 16.0, 72.0), 2),
    "facets": Setting(RADII_MM, TAGS, LAYERED, (5.0, 16.0, 72.0), 2),
    "steep": Setting([92.0], [2], hf.Coil([[10.0, 0, 102]], [[1.0, 2, 3]]), (0.0, 0.0, 70.0), 2),
}


def head(name: str) -> Head:
    """The head of that name; NotImplementedError where data are missing."""
    model, coil = hf.HeadModel(heads.mesh(name)), heads.coil()
    pose = np.load(heads.DATA / "poses.npy")[POSE] if name.startswith("head_") else heads.poses(name)[0]
    gray = hf.regions.tissue(model.mesh, heads.GRAY)
    field = model.solve(coil, pose, didt=heads.DIDT, roi=gray)
    strongest = np.argsort(field.magnitude[0])[-STRONGEST:]
    centre_mm = gray.centres_mm[strongest].mean(axis=0)
    return Head(name, model, coil, hf.ring(pose, ANGLES_DEG), centre_mm)


def place(mesh: hf.TetMesh, centre_mm: Any, radius_mm: float, tag: int, count: int = POINTS) -> Place:
    """A ball's tetrahedra of one tissue, and points in them."""
    region = hf.regions.sphere(mesh, centre_mm, radius_mm) & hf.regions.tissue(mesh, tag)
    draw = np.random.default_rng(0)
    share = region.weights / region.weights.sum()
    elements = np.sort(draw.choice(region.elements, count, p=share))
    return Place(region, hf.Region(mesh, elements, draw.dirichlet(np.ones(4), count)))


def zoomed(model: hf.HeadModel, where: hf.Region, coil: hf.Coil, poses: Array, **numbers: Any) -> Zoom:
    """A zoom, without the warning that it has not reached what was asked for: rows say so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.zoom(where, coil, poses, heads.DIDT, **numbers)


def at_points(zoom: Zoom, points: hf.Region, coil: hf.Coil, poses: Array) -> hf.Field:
    """The field at points of a zoom on whole tetrahedra: of the same mesh."""
    there = Zoom(zoom._whole, points, zoom._head._adapted, zoom.report)
    return there.solve(coil, poses, heads.DIDT)


def off(field: Array, truth: Array) -> Array:
    """Relative L2 error (k,) of fields (k, p, 3)."""
    gap = field.astype(np.float64) - truth
    return np.sqrt((gap**2).sum(axis=(1, 2)) / (truth.astype(np.float64) ** 2).sum(axis=(1, 2)))


def together(field: Array, truth: Array) -> float:
    """Relative L2 error of all poses together."""
    return float(off(field.reshape(1, -1, 3), truth.reshape(1, -1, 3))[0])


def bias(field: Array, truth: Array) -> float:
    """By how much |E| is off, on average, where it is strongest: mean over the top share of points."""
    size = np.linalg.norm(truth, axis=2)
    top = size >= np.quantile(size, 1.0 - TOP, axis=1, keepdims=True)
    return float(np.linalg.norm(field, axis=2)[top].sum() / size[top].sum() - 1.0)


def against(field: Array, truth: Array) -> Row:
    return {"error": together(field, truth), "bias": bias(field, truth)}


def errors(of: Head, asked: tuple[float, ...], most: int, quick: bool) -> Row:
    """Errors of a head's zooms, of linear elements beside them, and of other margins and poses."""
    model = of.model
    size = linear_size(model.mesh)
    row: Row = {"head": of.name, "nodes": model.mesh.n_nodes, "tets": model.mesh.n_tets} | size
    row["iterations"] = int(model.solve(of.coil, of.poses, heads.DIDT).report.iterations.max())
    row["regions"] = []
    for radius in RADII[-1:] if quick else RADII:
        few = asked if radius == RADII[0] else asked[-2:]
        row["regions"].append(region_row(of, radius, few, most, row["nonzeros"] * row["iterations"]))
        print(of.name, radius, row["regions"][-1], flush=True)
    first = place(model.mesh, of.centre_mm, row["regions"][0]["radius_mm"], heads.GRAY)
    row["margins"] = margins(of, first)
    return row


def region_row(of: Head, radius_mm: float, asked: tuple[float, ...], most: int, work: int) -> Row:
    """Errors in one region; `work` is what the head takes, nonzeros by iterations."""
    where = place(of.model.mesh, of.centre_mm, radius_mm, heads.GRAY)
    near = hf.regions.sphere(of.model.mesh, of.centre_mm, radius_mm + AROUND_MM)
    every = np.concatenate([of.poses, hf.ring(of.poses[0], OTHERS_DEG)])
    k = len(of.poses)
    exact, row = truth(of, where, near - where.region, every, most)
    row |= {"radius_mm": radius_mm, "elements": len(where.region)}
    row["linear"] = {
        kind: against(linear(of.model, of.coil, of.poses, where.points, kind), exact[:k])
        for kind in ("elements", "patch", "interface")
    }
    found = uniform(of, where, near, exact[:k])
    row["uniform"] = found | {"relative_work": found["nonzeros"] * found["iterations"] / work}
    row["zooms"] = []
    for error in asked:
        row["zooms"].append(zoom_row(of, where, error, exact[:k], work))
    row["others"] = others(of, where, every[k:], exact[k:])
    return row


def on_finer(where: Place, fine: hf.TetMesh) -> Place:
    """The same region and points in a refined mesh."""
    inside = np.flatnonzero(np.isin(fine.parent, where.region.elements))
    region, places = hf.Region(fine, inside), where.points.centres_mm
    return Place(region, hf.regions.points(fine, places, tags=heads.GRAY, reach_mm=0.01))


def truth(of: Head, where: Place, beside: hf.Region, poses: Array, most: int) -> tuple[Array, Row]:
    """E of all poses at the points on the finest mesh, finer beside the region too; what is said of it."""
    fine = hf.refine(of.model.mesh, beside)
    there = on_finer(where, fine)
    numbers: Row = {"error": TRUTH, "margin_mm": TRUTH_MARGIN_MM, "max_unknowns": most}
    zoom = zoomed(hf.HeadModel(fine), there.region, of.coil, of.poses, **numbers)
    field = at_points(zoom, there.points, of.coil, poses)
    told = {"unknowns": zoom.n_unknowns, "reported": zoom.report.discretisation_error}
    return field.E, {"truth": told}


def uniform(of: Head, where: Place, near: hf.Region, exact: Array) -> Row:
    """Linear elements on the head with all around a region divided into eight: errors, sizes of that part."""
    fine = hf.refine(of.model.mesh, near)
    model, there = hf.HeadModel(fine), on_finer(where, fine)
    field = model.solve(of.coil, of.poses, heads.DIDT)
    size = linear_size(fine, np.isin(fine.parent, near.elements))
    size |= {"nodes": fine.n_nodes, "iterations": int(field.report.iterations.max())}
    # E at a point is that of the tetrahedron around it.
    return size | against(field.E[:, there.points.elements], exact)


def linear_size(mesh: hf.TetMesh, some: Array | slice = slice(None)) -> Row:
    """Unknowns and nonzeros of linear elements on a part: a row has its node and those at its edges."""
    tets, edges = mesh.tets[some], Edges.of_tets(mesh.tets, mesh.n_nodes).of[some]
    nodes = len(np.unique(tets))
    return {"unknowns": nodes, "nonzeros": nodes + 2 * len(np.unique(edges))}


def linear(model: hf.HeadModel, coil: hf.Coil, poses: Array, points: hf.Region, kind: str) -> Array:
    """E of linear elements at points, as it is or recovered."""
    recovery: Any = None if kind == "elements" else kind
    return model.solve(coil, poses, heads.DIDT, roi=points, recovery=recovery).E


def zoom_row(of: Head, where: Place, error: float, exact: Array, work: int) -> Row:
    """What a zoom is off by, and says it is off by."""
    zoom = zoomed(of.model, where.region, of.coil, of.poses, error=error)
    field = at_points(zoom, where.points, of.coil, of.poses)
    last, found = zoom.report.levels[-1], off(field.E, exact)
    ratios = field.report.discretisation_error / found
    took = int(field.report.iterations.max())
    return against(field.E, exact) | {
        "asked": error,
        "reported": together_of(field.report.discretisation_error, exact),
        "effectivity": [float(ratios.min()), float(ratios.max())],
        "reached": zoom.report.reached,
        "margin_mm": zoom.report.margin_mm,
        "unknowns": last.unknowns,
        "nonzeros": last.nonzeros,
        "tets": last.tetrahedra,
        "iterations": took,
        "relative_work": last.nonzeros * took / work,
        "levels": [
            {"unknowns": level.unknowns, "change": level.change, "error": level.error}
            for level in zoom.report.levels
        ],
    }


def together_of(relative: Array, exact: Array) -> float:
    """Errors (k,) relative to each pose's field as one of all poses together."""
    squares = (exact.astype(np.float64) ** 2).sum(axis=(1, 2))
    return float(np.sqrt((relative**2) @ squares / squares.sum()))


def others(of: Head, where: Place, poses: Array, exact: Array) -> Row:
    """Errors of twelve poses on a mesh made for one, and on one made for all of them."""
    found: Row = {}
    for name, made_for in (("one", of.poses[:1]), ("all", poses)):
        zoom = zoomed(of.model, where.region, of.coil, made_for, error=0.03)
        field = at_points(zoom, where.points, of.coil, poses)
        told = together_of(field.report.discretisation_error, exact)
        found[name] = {"unknowns": zoom.n_unknowns, "reported": told, "error": together(field.E, exact)}
    return found


def margins(of: Head, where: Place) -> list[Row]:
    """What the potential at the rim costs: E of narrower margins against that of the widest."""

    def field(margin_mm: float) -> Array:
        numbers: Row = {"error": MARGIN_ERROR, "margin_mm": margin_mm}
        zoom = zoomed(of.model, where.region, of.coil, of.poses, **numbers)
        return at_points(zoom, where.points, of.coil, of.poses).E

    widest = field(WIDEST_MM)
    return [{"margin_mm": mm, "off": together(field(mm), widest)} for mm in MARGINS_MM]


def times(of: Head, asked: tuple[float, ...], repeats: int) -> Row:
    """Set-ups, and stages of batches of 32 poses, of the head and of its zooms."""
    setups = [seconds(lambda: hf.HeadModel(of.model.mesh)) for _ in range(repeats)]
    poses = hf.ring(of.poses[0], np.arange(heads.BATCH) * 360.0 / heads.BATCH)
    row: Row = {"head": of.name, "nodes": of.model.mesh.n_nodes, "setup_s": min(setups), "zooms": []}
    for radius in RADII:
        region = place(of.model.mesh, of.centre_mm, radius, heads.GRAY).region
        for error in asked:
            row["zooms"].append({"radius_mm": radius} | timed(of, region, error, poses, row, repeats))
    return row


def timed(of: Head, region: hf.Region, error: float, poses: Array, head: Row, repeats: int) -> Row:
    """Seconds of one zoom, and of the head's own solves in the same calls."""
    zooms = [zoomed(of.model, region, of.coil, of.poses, error=error) for _ in range(min(repeats, 2))]
    setup = min(sum(zoom.report.seconds.values()) for zoom in zooms)
    zoom = zooms[0]
    del zooms
    rounds = []
    for _ in range(repeats):
        stages = zoom.solve(of.coil, poses, heads.DIDT, batch=heads.BATCH).report.seconds
        own = sum(s for stage, s in stages.items() if stage.startswith("zoom "))
        rounds.append((own / (sum(stages.values()) - own), own, sum(stages.values()) - own))
    ratio, own, whole = min(rounds)
    per_pose = {"zoom_s": own / len(poses), "head_s": whole / len(poses), "ratio": ratio}
    told = {"asked": error, "unknowns": zoom.n_unknowns, "setup_s": setup}
    return told | {"setup_ratio": setup / head["setup_s"]} | per_pose


def seconds(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def sphere(edge_mm: float, asked: tuple[float, ...]) -> Row:
    """Errors in spheres of some edges against the exact field."""
    row: Row = {"edge_mm": edge_mm, "regions": {}}
    for name, at in SETTINGS.items():
        mesh, poses = hf.sphere_mesh(at.radii_mm, at.tags, edge_mm), hf.ring(np.eye(4), ANGLES_DEG)
        model, where = hf.HeadModel(mesh), place(mesh, at.centre_mm, BALL_MM, at.tag)
        if name == "facets":
            where = on_facets(where, at.radii_mm[1])
        exact = exact_field(where.points.centres_mm, at.coil, poses)
        row["regions"][name] = {
            "elements": len(where.region),
            "nodes": mesh.n_nodes,
            "linear": {
                kind: against(linear(model, at.coil, poses, where.points, kind), exact)
                for kind in ("elements", "patch", "interface")
            },
            "zooms": [sphere_zoom(model, where, at.coil, poses, error, exact) for error in asked],
        }
    return row


def on_facets(where: Place, radius_mm: float) -> Place:
    """Points drawn from the faces of a region's tetrahedra on a surface, and the tetrahedra that have any."""
    mesh, found = where.region.mesh, where.region.elements
    outside = np.linalg.norm(mesh.nodes_mm[mesh.tets[found]], axis=2) > radius_mm - 1e-3
    some = outside.sum(axis=1) == 3
    draw = np.random.default_rng(0)
    chosen = np.sort(draw.integers(0, some.sum(), POINTS))
    weights = np.zeros((POINTS, 4))
    weights[outside[some][chosen]] = draw.dirichlet(np.ones(3), POINTS).ravel()
    region = hf.Region(mesh, found[some])
    return Place(region, hf.Region(mesh, region.elements[chosen], weights))


def exact_field(points_mm: Array, coil: hf.Coil, poses: Array) -> Array:
    """E (k, p, 3) of the exact solution at points."""
    dipoles, _, _ = coil.sources(0)
    moved = [dipoles.moved(pose) for pose in poses]
    return np.array(
        [
            hf.analytic.sphere_tms_field(points_mm, each.positions_mm, each.moments, heads.DIDT)
            for each in moved
        ]
    )


def sphere_zoom(
    model: hf.HeadModel, where: Place, coil: hf.Coil, poses: Array, error: float, exact: Array
) -> Row:
    """What a zoom in a sphere is off by, and says it is off by."""
    zoom = zoomed(model, where.region, coil, poses, error=error)
    field = at_points(zoom, where.points, coil, poses)
    ratios = field.report.discretisation_error / off(field.E, exact)
    return against(field.E, exact) | {
        "asked": error,
        "reported": together_of(field.report.discretisation_error, exact),
        "effectivity": [float(ratios.min()), float(ratios.max())],
        "reached": zoom.report.reached,
        "unknowns": zoom.n_unknowns,
    }
