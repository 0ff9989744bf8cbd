# SPDX-License-Identifier: BSD-3-Clause
"""A server of OpenIGTLink: poses of a coil in, its field out, for several clients at once."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace

from ...core.arguments import positive, whole
from ...errors import ArgumentError, NetworkError
from ..hub import Hub
from .axes import Axes
from .message import crc64
from .outgoing import KINDS, Outgoing
from .service import Service
from .shared import IgtlCounts, Options, Shared

__all__ = ["IgtlServer"]

_PORT = 18_944  # that of the protocol
_LEAST_BYTES, _MOST_BYTES = 1_024, 2**30
_MOST_CLIENTS = 1_000
_CLOSING_S = 10.0


class IgtlServer:
    """Takes TRANSFORMs into a hub, and sends its frames to all who are connected.

    It runs in a thread of its own from when it is made until it is closed, or the end of a `with` statement.
    `docs/serving.md` has what goes in and out. The hub is not closed with it.

    Parameters
    ----------
    hub : Hub
    host : str
        The address that it listens at; others than the machine itself reach it only at another than this.
        Nobody is asked who he is.
    port : int
        0 takes a free one, see the attribute.
    device : str, optional
        Only TRANSFORMs of this name are taken; by default all.
    axes : {"RAS", "LPS"}
        Coordinates of the head, both of the poses that come in and of the surface that goes out.
    coil_axes : {"headfield", "brainsight", "invesalius", "localite", "softaxic", "visor"}
        Whose axes the coil has in the poses that come in.
    send : sequence of {"NDARRAY", "POLYDATA", "STRING"}
        What goes out for each frame, until a client asks for other kinds.
    vectors : bool
        Whether a POLYDATA has the vectors E as well.
    name : str
        Of the devices that go out: `headfield_magnE`, `headfield_surface`, `headfield_frame`, `…_status`.
    max_bytes : int
        The largest message that a client may send; one that announces a larger is cut off.
    max_clients : int
    stall_s : float
        How long a client may take to fetch a frame before it is cut off, s.

    Attributes
    ----------
    host : str
    port : int

    Raises
    ------
    NetworkError
        The port is in use, or the address is none of this machine's.
    ArgumentError
        A bad option.
    MissingPackageError
        fastcrc is missing.

    Examples
    --------
    >>> import headfield as hf
    >>> class Solver:
    ...     def __init__(self, model, region):
    ...         self.model, self.region = model, region
    ...
    ...     def field(self, coil, poses, didt=1e6):
    ...         return self.model.solve(coil, poses, didt, roi=self.region)
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> coil, engine = hf.circular_coil(), Solver(model, hf.regions.tissue(model.mesh, 2))
    >>> with Hub(engine, coil) as hub, IgtlServer(hub, port=0) as server:
    ...     server.host, server.port > 0, server.counts.clients
    ('127.0.0.1', True, 0)
    """

    def __init__(
        self,
        hub: Hub,
        *,
        host: str = "127.0.0.1",
        port: int = _PORT,
        device: str | None = None,
        axes: str = "RAS",
        coil_axes: str = "headfield",
        send: Sequence[str] = KINDS,
        vectors: bool = False,
        name: str = "headfield",
        max_bytes: int = 2**24,
        max_clients: int = 16,
        stall_s: float = 2.0,
    ) -> None:
        if device is not None and not isinstance(device, str):
            raise ArgumentError(f"device = {device!r} must be the name of one, or None")
        options = Options(
            device=device,
            send=_kinds(send),
            max_bytes=whole(max_bytes, "max_bytes", ArgumentError, _MOST_BYTES, _LEAST_BYTES),
            max_clients=whole(max_clients, "max_clients", ArgumentError, _MOST_CLIENTS),
            stall_s=positive(stall_s, "stall_s", ArgumentError),
        )
        crc64(b"")  # at once, if the package is missing
        region = hub.engine.region
        outgoing = Outgoing(region, Axes(axes, coil_axes), prefix=name, vectors=vectors)
        self._shared = Shared(hub, outgoing, options)
        self._service = Service(hub, self._shared)
        self._socket = _listening(host, whole(port, "port", ArgumentError, 65_535, 0))
        self.host, self.port = self._socket.getsockname()[:2]
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="headfield OpenIGTLink", daemon=True)
        self._thread.start()

    def __enter__(self) -> IgtlServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counts(self) -> IgtlCounts:
        """What has been done so far: a copy."""
        return replace(self._shared.counts)

    def close(self) -> None:
        """Let go of all clients and of the port."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_CLOSING_S)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._service.run(self._socket, self._stop))
        finally:
            self._socket.close()
            self._loop.close()


def _kinds(send: Sequence[str]) -> tuple[str, ...]:
    kinds = (send,) if isinstance(send, str) else tuple(send)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ArgumentError(f"send: {unknown[0]!r} must be one of {', '.join(KINDS)}")
    return kinds


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise NetworkError if that can't be had."""
    if not isinstance(host, str) or not host:
        raise ArgumentError(f"host = {host!r} must be an address, such as 127.0.0.1, or 0.0.0.0 for all")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as problem:
        what = getattr(problem, "strerror", None) or str(problem)
        raise NetworkError(f"can't listen at {host}, port {port}: {what}") from None
