# SPDX-License-Identifier: BSD-3-Clause
"""A WebSocket server, and on the same port the page that shows the field as the coil moves."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from ...core.arguments import positive, whole
from ...errors import ArgumentError, MissingPackageError, NetworkError
from ...geometry.surface import Surface
from ..hub import Hub
from .client import Client, Newest
from .messages import coil_message, frame_message, packed, surface_message
from .origin import refusal
from .page import live_page, policy
from .shown import Shown

__all__ = ["WebCounts", "WebServer"]

_SOCKET = "/frames"
_MOST_CLIENTS = 16
_MOST_BYTES = 8192  # of a message of a page: a pose takes 500
_CLOSE_S = 2.0
_QUIET = logging.getLogger("headfield.serving.web")  # whoever wants to know of each handshake can listen
_QUIET.addHandler(logging.NullHandler())  # without one Python writes warnings to stderr


@dataclass(frozen=True)
class WebCounts:
    """What a server has to do with its clients.

    Attributes
    ----------
    clients : int
        Now.
    refused, damaged : int
        Connections that were refused (their origin, or there were too many), and messages that made no sense.
    sent : int
        Frames, to each of the clients.
    """

    clients: int = 0
    refused: int = 0
    damaged: int = 0
    sent: int = 0


class WebServer:
    """Shows the frames of a hub on a page, and takes poses from it, in a thread of its own.

    A client gets the surface once, then of the frames always the newest, when it has said that it is done
    with the one before: a slow one misses frames and holds up nobody. Only this machine can connect unless
    `host` says otherwise, and no page of another site. Close it, or use it in a `with` statement.

    Parameters
    ----------
    hub : Hub
        Closing it ends the frames, not the server.
    port : int
        0 for one that is free.
    host : str
        Address to listen on; "" or "0.0.0.0" for all: then everybody who reaches this machine can look, and
        move the coil.
    scalp : Surface, optional
        Drawn around the region, and what the page keeps the coil on.
    vmax : float, optional
        |E| at the end of the colours, V/m; the page follows the field without.
    origins : sequence of str
        Other sites whose pages may connect, such as "https://lab.example".

    Attributes
    ----------
    port : int
    url : str
        Of the page.

    Raises
    ------
    MissingPackageError
        The package websockets is missing.
    NetworkError
        The port can't be listened on.
    RegionError
        The region is empty or has more than 500,000 points to show.
    ArgumentError
        A bad port or `vmax`.

    Examples
    --------
    >>> import headfield as hf
    >>> from headfield.serving.hub import Hub
    >>> class Solver:
    ...     def __init__(self, model, region):
    ...         self.model, self.region = model, region
    ...
    ...     def field(self, coil, poses, didt=1e6):
    ...         return self.model.solve(coil, poses, didt, roi=self.region)
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> engine = Solver(model, hf.regions.tissue(model.mesh, 2))
    >>> with Hub(engine, hf.circular_coil()) as hub, WebServer(hub, port=0) as server:
    ...     print(server.url.startswith("http://127.0.0.1:"), server.counts.clients)
    True 0
    """

    def __init__(
        self,
        hub: Hub,
        port: int = 8600,
        host: str = "127.0.0.1",
        *,
        scalp: Surface | None = None,
        vmax: float | None = None,
        origins: Sequence[str] = (),
    ) -> None:
        self._serve = _websockets()
        port = whole(port, "port", ArgumentError, 65535, 0)
        vmax = None if vmax is None else positive(vmax, "vmax", ArgumentError)
        self._hub, self._host, self._origins = hub, host, tuple(origins)
        self._shown = Shown(hub.engine.region)
        self._surface = surface_message(self._shown, scalp, vmax)
        self._newest = Newest()
        self._clients: set[Client] = set()
        self._counts, self._lock = WebCounts(), threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        started: Future[int] = Future()
        self._threads = [
            threading.Thread(target=self._run, args=(port, started), name="headfield web", daemon=True),
            threading.Thread(target=self._pump, name="headfield web frames", daemon=True),
        ]
        self._threads[0].start()
        self.port = started.result()
        self._listener = hub.listen()
        self._threads[1].start()

    @property
    def url(self) -> str:
        """Address of the page."""
        host = "127.0.0.1" if self._host in ("", "0.0.0.0", "::") else self._host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @property
    def counts(self) -> WebCounts:
        """What has been done so far."""
        with self._lock:
            return replace(self._counts, clients=len(self._clients))

    def __enter__(self) -> WebServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and end the threads."""
        self._listener.close()
        if self._loop is not None and self._over is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._over.set)
        for thread in self._threads:
            thread.join()

    def count(self, **more: int) -> None:
        """Add to the counts."""
        with self._lock:
            now = self._counts
            self._counts = replace(now, **{name: getattr(now, name) + n for name, n in more.items()})

    def _run(self, port: int, started: Future[int]) -> None:
        """Be the thread of the connections."""
        try:
            asyncio.run(self._listen(port, started))
        except OSError as error:
            where = f"port {port} of {self._host or 'this machine'}"
            problem = NetworkError(f"{where} can't be listened on: {error.strerror or error}")
            if not started.done():
                started.set_exception(problem)
        except BaseException as error:
            if not started.done():
                started.set_exception(error)

    async def _listen(self, port: int, started: Future[int]) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._newest.begin()
        how: dict[str, Any] = {
            "process_request": self._answer,
            "max_size": _MOST_BYTES,
            "max_queue": 4,
            "compression": None,  # of floats it takes longer than sending them
            "close_timeout": _CLOSE_S,
            "logger": _QUIET,
            "server_header": None,
        }
        async with self._serve(self._client, self._host or None, port, **how) as server:
            started.set_result(server.sockets[0].getsockname()[1])
            await self._over.wait()

    def _pump(self) -> None:
        """Be the thread that makes messages of frames, once for all clients."""
        coil = None
        while not self._listener.closed:
            if coil is not (now := self._hub.coil):
                coil = now
                self._tell(coil=coil_message(coil))
            frame = self._listener.get(0.5)
            if frame is not None:
                self._tell(frame=frame_message(frame, self._shown, self._hub.counts))
        if self._hub.closed:
            self._tell(frame=packed({"kind": "ended"}))

    def _tell(self, **messages: bytes) -> None:
        loop = self._loop
        assert loop is not None
        try:
            loop.call_soon_threadsafe(self._newest.set, messages)
        except RuntimeError:  # the loop was closed meanwhile
            return

    def _answer(self, connection: Any, request: Any) -> Any:
        """Answer a request before it becomes a connection: with the page, or a refusal."""
        hosts, origins = (request.headers.get_all(name) for name in ("Host", "Origin"))
        problem = refusal(hosts, origins, self._host, self._origins)
        if problem:
            self.count(refused=1)
            return connection.respond(403, problem + "\n")
        path = request.path.partition("?")[0]
        if path == _SOCKET:
            if len(self._clients) < _MOST_CLIENTS:
                return None
            self.count(refused=1)
            return connection.respond(503, f"there are {_MOST_CLIENTS} clients, which is the most\n")
        if path not in ("/", "/index.html"):
            return connection.respond(404, "there is nothing here but the page /\n")
        response = connection.respond(200, live_page())
        del response.headers["Content-Type"]
        response.headers.update(
            {
                "Content-Type": "text/html; charset=utf-8",
                "Content-Security-Policy": policy(hosts[0]),
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            }
        )
        return response

    async def _client(self, connection: Any) -> None:
        """Serve one client until it goes."""
        client = Client(connection, self._newest, self._hub, self.count)
        self._clients.add(client)
        try:
            await client.serve(self._surface)
        finally:
            self._clients.discard(client)


def _websockets() -> Any:
    """Return what makes a server of the package websockets."""
    try:
        from websockets.asyncio.server import serve  # an optional package, which only servers need
    except ImportError as error:
        raise MissingPackageError(
            "serving a page needs websockets: pip install 'headfield[serve]'"
        ) from error
    return serve
