# SPDX-License-Identifier: BSD-3-Clause
"""The loop of an OpenIGTLink server: it takes clients in, and hands them the newest frame."""

from __future__ import annotations

import asyncio
import socket

from ..hub import Hub
from .client import BUSY, Client
from .contents import Status
from .outgoing import FrameMessages
from .shared import Shared

__all__ = ["Service"]

_KEPT_ALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


class Service:
    """The loop's side of a server."""

    def __init__(self, hub: Hub, shared: Shared) -> None:
        self._hub, self._shared = hub, shared
        self._clients: dict[Client, asyncio.Task[None]] = {}

    async def run(self, listening: socket.socket, stop: asyncio.Event) -> None:
        """Serve until it is told to stop."""
        server = await asyncio.start_server(self._connected, sock=listening)
        publishing = asyncio.ensure_future(self._publish())
        try:
            await stop.wait()
        finally:
            server.close()
            tasks = [publishing, *self._clients.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _publish(self) -> None:
        """Hand the newest frame to the clients whenever there is one."""
        loop, fresh = asyncio.get_running_loop(), asyncio.Event()
        with self._hub.listen(lambda: loop.call_soon_threadsafe(fresh.set)) as listener:
            while not listener.closed:
                await fresh.wait()
                fresh.clear()
                frame = listener.get(0)
                if frame is None:
                    continue
                try:
                    packed = FrameMessages(frame, self._shared.outgoing)
                except Exception:  # one frame is lost, and counted; those that follow must not be
                    self._shared.counts.errors += 1
                    continue
                self._shared.frame = packed
                for client in self._clients:
                    client.offer(packed)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client, task = Client(self._shared, reader, writer), asyncio.current_task()
        assert task is not None
        counts = self._shared.counts
        if len(self._clients) >= self._shared.options.max_clients:
            counts.turned_away += 1
            said = Status(BUSY, f"there are {len(self._clients)} clients already", "BUSY")
            writer.write(self._shared.outgoing.status(said, 1))
            writer.close()
            return
        _keep_alive(writer.get_extra_info("socket"))
        self._clients[client] = task
        counts.connected += 1
        counts.clients = len(self._clients)
        try:
            await client.serve()
        except asyncio.CancelledError:
            pass  # the server closes; the loop would report a task that was cancelled as an error
        except Exception:  # one client is lost, and counted; the others must not be
            counts.errors += 1
        finally:
            del self._clients[client]
            counts.clients = len(self._clients)


def _keep_alive(connection: socket.socket) -> None:
    """Have the system look whether the client is still there: one that lost its network says no word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEPT_ALIVE:
        if hasattr(socket, name):  # not on every system
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
