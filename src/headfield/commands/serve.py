# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield serve`: the field where the coil is now, until a signal ends it."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..coils.read import read_coil
from ..core.messages import plural
from ..errors import RegionError
from ..placement.named import Places
from ..poses.placements import Placement
from ..regions.region import Region
from ..serving.hub import Counts, Hub
from ..serving.igtl.server import IgtlServer
from ..serving.listener import Listener
from ..serving.lsl import LslOutlet
from ..serving.web.server import WebServer
from ..solve.drives.rates import rates_of
from .engines import live_engine
from .given_head import GivenHead
from .progress import Progress, tell

__all__ = ["serve"]

_DISTANCE_MM = 4.0
_TICK_S, _LOG_S = 1.0, 10.0
_AHEAD_MM = 100.0
_DEEP_MM = 50.0  # a middle as deep as that is of so large a region that no side of it is meant
_UPPER_LEFT = np.array([-0.6, 0.0, 0.8])


def serve(args: argparse.Namespace) -> None:
    """Run `headfield serve` with parsed arguments; it ends by a signal."""
    progress = Progress(0, args.quiet)
    head = GivenHead(args)
    mesh, given = head.read()
    coil = read_coil(args.coil)
    didt = 1e6 if args.didt is None else rates_of(args.didt, coil)
    places = Places(head.find, mesh)
    region = args.roi.region(mesh, places.find, args.tissues)
    if not len(region):
        raise RegionError(f"--roi {args.roi.text}: there is nothing of it in the head")
    progress.say(f"{mesh!r}, {coil!r}, {region!r}")
    start = _start(args, places, coil, region)
    for note in head.notes:
        progress.say(note)
    engine = live_engine(args, mesh, given, region, coil, progress)
    with ExitStack() as opened:
        hub = opened.enter_context(Hub(engine, coil, didt))
        listener = opened.enter_context(hub.listen())
        _open_servers(args, opened, hub, places)
        if start is not None:
            hub.put(start, source="start")
        _watch(hub, listener, args.quiet)


def _open_servers(args: argparse.Namespace, opened: ExitStack, hub: Hub, places: Places) -> None:
    """Start what the arguments ask for, and print where it is."""
    if args.web is not None:
        how = {"scalp": places.scalp, "vmax": args.vmax, "origins": args.origin}
        web = opened.enter_context(WebServer(hub, args.web, args.host, **how))
        print(f"page          {web.url}", flush=True)
    if args.igtl is not None:
        of_poses = {"device": args.tool, "axes": args.axes, "coil_axes": args.coil_axes}
        igtl = opened.enter_context(
            IgtlServer(hub, host=args.host, port=args.igtl, vectors=args.vectors, **of_poses)
        )
        print(f"OpenIGTLink   {igtl.host}, port {igtl.port}", flush=True)
    if args.lsl is not None:
        opened.enter_context(LslOutlet(hub, args.lsl))
        print(f"LSL           stream {args.lsl}", flush=True)


def _start(
    args: argparse.Namespace, places: Places, coil: Coil, region: Region
) -> NDArray[np.float64] | None:
    """Return the first pose (4, 4): the one that is asked for, else over the region if there is a page."""
    if args.start is not None:
        centre = places.find(args.start)
    elif args.web is not None and args.igtl is None:
        centre = _over(region, places)
    else:
        return None
    site = places.scalp.closest(centre[None])
    if args.start_handle is not None:
        handle = places.find(args.start_handle)
    else:  # to the front, or up where the front is where the scalp faces
        normal = places.scalp.normals(site.face, site.weights)[0]
        ahead = np.eye(3)[1] if abs(normal[1]) < 0.8 else np.eye(3)[2]
        handle = site.point_mm[0] + _AHEAD_MM * ahead
    wanted = Placement("", tuple(site.point_mm[0]), tuple(handle), _DISTANCE_MM, None)
    return np.asarray(places.poses(wanted, coil)[0])


def _over(region: Region, places: Places) -> NDArray[np.float64]:
    """Return the point (3,) for the coil to stand over: the middle, or of a whole brain the upper left."""
    points = region.centres_mm
    middle = np.average(points, axis=0, weights=region.weights)
    if places.scalp.closest(middle[None]).distance_mm[0] <= _DEEP_MM:
        return np.asarray(middle)
    return np.asarray(points[np.argmax(points @ _UPPER_LEFT)])


def _watch(hub: Hub, listener: Listener, quiet: bool) -> None:
    """Say how it goes, each second on a terminal and each ten seconds in a log, until a signal comes."""
    terminal, last, said, told = sys.stderr.isatty(), hub.counts, time.monotonic(), ""
    while not hub.closed:
        time.sleep(_TICK_S)
        frame = listener.get(0.0)
        if frame is not None and frame.problem != told:
            told = frame.problem
            if told:
                tell(f"headfield: warning: no field: {told}")
        now = time.monotonic()
        if quiet or not (terminal or now - said >= _LOG_S):
            continue
        counts = hub.counts
        tell(_line(last, counts, now - said), end="\r" if terminal else "\n")
        last, said = counts, now


def _line(last: Counts, now: Counts, seconds: float) -> str:
    """Return the line that says what happened in some seconds."""
    count = now.computed + now.failed - last.computed - last.failed
    took = f"{1e3 * (now.seconds - last.seconds) / count:.1f} ms each" if count else "no new pose"
    text = f"headfield: {plural(now.computed, 'frame', 'frames')}, {count / seconds:.1f} per s, {took}"
    return f"{text}, {now.replaced:,} overtaken, {now.failed:,} failed".ljust(90)
