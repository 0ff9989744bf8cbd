# SPDX-License-Identifier: BSD-3-Clause
"""The rows of targeting.py: agreement with full solves, optima against brute force, seconds of searches."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
from suite import heads

import headfield as hf
from headfield.placement.positions import scalp_positions
from headfield.placement.retreat import casing_of
from headfield.placement.scalp import Scalp
from headfield.placement.sites import tangential_poses
from headfield.poses.pose import turns
from headfield.targeting.aim import Aim
from headfield.targeting.lifting import Lifting

COILS = (
    "MagStim_D70.ccd",
    "MagVenture_Cool-B65.ccd",
    "two_stimulator_example_coil.tcd",
    "Brainsway_H1.tcd",
    "MagVenture_MST-Twin.tcd",
    "fig8_70mm.ccd",
)
PLACES = {"M1": (-37, -21, 58), "left DLPFC": (-38, 44, 26), "deep": (-24, -4, -18)}
BALL_MM = 8.0
DIRECTION = (0.3, 0.9, -0.2)
AGREED = 40  # poses: more than those that `evaluate` solves as they are
SMOOTH_MM = 10.0
DISTANCE_MM = 4.0
MOST_LIFT_MM = 15.0
POSITIONS, ANGLES = 5_900, 360
BRUTE_MM, BRUTE_SPACING_MM, BRUTE_DEG = 8.0, 1.0, 2.0
SOLVED = 32
Row = dict[str, Any]
Array = np.ndarray


class Grid(NamedTuple):
    """Poses of a coil on a grid of positions and angles, off the scalp, and those left out."""

    poses: Array  # (k, 4, 4) mm
    left_out: int


def model_exists(name: str) -> None:
    """Raise NotImplementedError where the data of a head are missing."""
    heads.mesh(name)


def model(name: str, threads: int | None = None) -> hf.HeadModel:
    return hf.HeadModel(heads.mesh(name), device="cpu", threads=threads)


def coils(quick: bool) -> tuple[str, ...]:
    return ("figure of eight",) if quick else COILS


def coil(name: str) -> hf.Coil:
    return heads.coil() if name == "figure of eight" else hf.read_coil(heads.DATA / "coils" / name)


def places(quick: bool) -> tuple[str, ...]:
    return tuple(PLACES)[: 1 if quick else None]


def ball(mesh: hf.TetMesh, place: str) -> hf.Region:
    """Gray matter around the tetrahedron of it that is closest to a point."""
    gray = hf.regions.tissue(mesh, heads.GRAY)
    at = gray.centres_mm[np.linalg.norm(gray.centres_mm - PLACES[place], axis=1).argmin()]
    return hf.regions.sphere(mesh, at, BALL_MM, heads.GRAY)


def rates(what: hf.Coil) -> Any:
    """All stimulators alike."""
    return heads.DIDT if what.n_stimulators == 1 else np.full((1, what.n_stimulators), heads.DIDT)


def agreement(of: hf.HeadModel, head: str, name: str, quick: bool) -> Row:
    """How far `evaluate` and the map of a search are from full solves, for a component and the mean |E|."""
    what, region = coil(name), ball(of.mesh, "M1")
    row: Row = {"head": head, "nodes": of.mesh.n_nodes, "coil": name, "sources": sources(what)}
    options = {"radius_mm": 30.0, "spacing_mm": 10.0, "angle_step_deg": 20.0, "rivals": 0, "refine": False}
    for kind, target in (("component", hf.Target(region, DIRECTION)), ("mean |E|", hf.Target(region))):
        try:
            found = hf.search(of, what, target, rates(what), handle_over_face=True, **options)
        except hf.PoseError:  # the casing of a coil that is made for another place
            found = hf.search(of, what, target, rates(what), handle_over_face=True, clear_mm=None, **options)
        at = drawn(found)
        poses = found.poses_on_map(*at)
        field = of.solve(what, poses, rates(what), roi=region, primary_error="summed", tol=1e-7)
        solved = target.value(field.E)
        row[kind] = {
            "evaluate": errors(hf.evaluate(of, what, poses, target, rates(what)), solved),
            "map": errors(found.map[at], solved),
            "sweep": found.report.sweep_error,
            "poses": len(poses),
        }
    return row


def sources(what: hf.Coil) -> int:
    dipoles, segments, _ = what.sources()
    return len(dipoles) + len(segments)


def drawn(found: hf.SearchResult) -> tuple[Array, Array]:
    """Positions and angles of some poses that are not ruled out, drawn by a fixed sequence."""
    every = np.argwhere(~np.isnan(found.map))
    some = np.random.default_rng(0).choice(len(every), min(AGREED, len(every)), replace=False)
    return tuple(every[some].T)


def off_the_scalp(of: hf.HeadModel, what: hf.Coil, poses: Array) -> Array:
    """Poses lifted until the casing is clear, exactly."""
    casing = casing_of(what)
    return poses if casing is None else Lifting(of.scalp, casing, 0.0, MOST_LIFT_MM).cleared(poses)


def errors(found: Array, solved: Array) -> Row:
    off = np.abs(found - solved) / np.abs(solved).max()
    return {"worst": float(off.max()), "mean": float(off.mean())}


def optimum(of: hf.HeadModel, head: str, place: str, quick: bool) -> Row:
    """What a search finds against a fine grid around it."""
    what = coil(coils(quick)[0])
    region = ball(of.mesh, place)
    target = hf.Target(region)
    said: list[str] = []
    start = time.perf_counter()
    found = hf.search(of, what, target, heads.DIDT, handle_over_face=True, progress=said.append)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    grid = around(of, what, found.pose, quick)
    values = hf.evaluate(of, what, grid.poses, target, heads.DIDT)
    best = np.argsort(-values)[:SOLVED]
    poses = off_the_scalp(of, what, grid.poses[best])
    solved = Aim.of(of, what, target, heads.DIDT).solved(poses)
    brute = float(solved.max())
    return {
        "head": head,
        "nodes": of.mesh.n_nodes,
        "coil": coils(quick)[0],
        "place": place,
        "depth_mm": float(-of.scalp.signed_distance(region.centres_mm.mean(axis=0)[None])[0]),
        "value": found.value,
        "brute": brute,
        "loss": 1.0 - found.value / brute,
        "poses": len(grid.poses),
        "left_out": grid.left_out,
        "reciprocal_error": found.report.reciprocal_error,
        "search_s": seconds,
        "brute_s": time.perf_counter() - start,
        "flatness": found.flatness._asdict(),
        "notes": list(found.report.notes),
    }


def around(of: hf.HeadModel, what: hf.Coil, pose: Array, quick: bool) -> Grid:
    """Poses on a grid around one, lifted as far as they have to be; without those that cannot be."""
    centre = pose[:3, 3] + DISTANCE_MM * pose[:3, 2]
    step = 4.0 * BRUTE_SPACING_MM if quick else BRUTE_SPACING_MM
    sites = scalp_positions(Scalp(of.scalp, SMOOTH_MM), centre, BRUTE_MM, step)
    angles = np.arange(0.0, 360.0, 10.0 * BRUTE_DEG if quick else BRUTE_DEG)
    poses = (tangential_poses(sites, DISTANCE_MM)[:, None] @ turns(angles)).reshape(-1, 4, 4)
    casing = casing_of(what)
    if casing is None:
        return Grid(poses, 0)
    lifts = Lifting(of.scalp, casing, 0.0, MOST_LIFT_MM).lifts(poses)
    possible = ~np.isnan(lifts)
    poses = poses[possible]
    poses[:, :3, 3] -= lifts[possible, None] * poses[:, :3, 2]
    return Grid(poses, int((~possible).sum()))


def spacing(of: hf.HeadModel, positions: int) -> float:
    """The spacing, mm, at which the whole scalp has about so many positions."""
    found, scalp = 8.0, Scalp(of.scalp, SMOOTH_MM)
    for _ in range(3):
        found *= (len(scalp_positions(scalp, spacing_mm=found).point) / positions) ** 0.5
    return found


def kinds(region: hf.Region) -> dict[str, hf.Target]:
    return {
        "component": hf.Target(region, DIRECTION),
        "|mean E|": hf.Target(region, of_mean=True),
        "mean |E|": hf.Target(region),
    }


def searches(name: str, threads: int, quick: bool) -> Row:
    """Seconds of the stages of searches over the whole scalp, the first on a head and the next one."""
    start = time.perf_counter()
    of = model(name, threads)
    setup = time.perf_counter() - start
    what, region = coil(coils(quick)[0]), ball(of.mesh, "M1")
    whole = {"radius_mm": None, "spacing_mm": 20.0 if quick else spacing(model(name), POSITIONS)}
    whole |= {"angle_step_deg": 20.0 if quick else 360.0 / ANGLES}
    plain = {"clear_mm": None, "rivals": 0, "refine": False, "handle_over_face": True}
    row: Row = {"head": name, "nodes": of.mesh.n_nodes, "coil": coils(quick)[0], "threads": threads}
    row |= {"setup_s": setup, "searches": []}
    for kind, target in kinds(region).items():
        for options, more in (("default", {}), ("plain", plain)):
            for run in ("first", "next"):
                of = model(name, threads) if run == "first" else of
                row["searches"].append({"target": kind, "options": options, "run": run})
                row["searches"][-1] |= searched(of, what, target, whole | more)
    return row | {"solve_s_per_pose": per_pose(of, what, region)}


def searched(of: hf.HeadModel, what: hf.Coil, target: hf.Target, options: Row) -> Row:
    start, used = time.perf_counter(), time.process_time()
    found = hf.search(of, what, target, heads.DIDT, **options)
    total, processor = time.perf_counter() - start, time.process_time() - used
    report = found.report
    return {
        "positions": report.n_positions,
        "angles": report.n_angles,
        "solves": report.n_solves,
        "stages": report.seconds,
        "total_s": total,
        "processor_s": processor,
        "configurations_per_s": found.map.size / max(report.seconds["sweep"], 1e-9),
        "sweep_error": report.sweep_error,
        "value": found.value,
    }


def per_pose(of: hf.HeadModel, what: hf.Coil, region: hf.Region) -> float:
    """Seconds of a pose in a batch of full solves, the tables of the coil made before."""
    found = hf.search(of, what, hf.Target(region, DIRECTION), heads.DIDT, spacing_mm=20.0, rivals=0)
    poses = hf.ring(found.pose, np.arange(SOLVED) * 360.0 / SOLVED)
    poses = off_the_scalp(of, what, poses)
    of.solve(what, poses[:1], heads.DIDT, roi=region)
    start = time.perf_counter()
    of.solve(what, poses, heads.DIDT, roi=region)
    return (time.perf_counter() - start) / SOLVED
