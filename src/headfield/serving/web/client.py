# SPDX-License-Identifier: BSD-3-Clause
"""One client of a WebSocket server: it is sent the newest, when it is ready for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from ...core.messages import in_one_line
from ...errors import HeadfieldError
from ..hub import Hub
from .messages import asked, problem_message

__all__ = ["Client", "Newest"]

_TOO_BIG = 1009  # how a connection ends whose other side sent too much at once (RFC 6455)


class Newest:
    """The newest message of each kind, in a thread of asyncio; older ones are forgotten."""

    def __init__(self) -> None:
        self.messages: dict[str, tuple[int, bytes]] = {}  #: kind to number and message
        self._number = 0
        self._changed: asyncio.Event | None = None

    def begin(self) -> None:
        """Belong to the running loop."""
        self._changed = asyncio.Event()

    def set(self, messages: dict[str, bytes]) -> None:
        """Replace messages, and wake those that wait."""
        assert self._changed is not None
        for kind, message in messages.items():
            self._number += 1
            self.messages[kind] = (self._number, message)
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self) -> None:
        """Wait until there is something new."""
        assert self._changed is not None
        await self._changed.wait()


class Client:
    """A connection.

    Parameters
    ----------
    connection : ServerConnection
        Of the package websockets.
    newest : Newest
    hub : Hub
    count : callable
        Adds to the counts of the server.
    """

    def __init__(self, connection: Any, newest: Newest, hub: Hub, count: Callable[..., None]) -> None:
        self._connection, self._newest, self._hub, self._count = connection, newest, hub, count
        self._ready = asyncio.Event()
        self._ready.set()

    async def serve(self, surface: bytes) -> None:
        """Send and receive until either side is gone."""
        sending = asyncio.create_task(self._send(surface))
        try:
            async for message in self._connection:
                await self._take(message)
        except ConnectionError:
            pass
        except Exception as error:
            if not _is_end(error):
                raise
            if getattr(getattr(error, "sent", None), "code", None) == _TOO_BIG:
                self._count(damaged=1)
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending

    async def _send(self, surface: bytes) -> None:
        """Send the surface, then whatever is newer than what was sent."""
        sent: dict[str, int] = {}
        try:
            await self._connection.send(surface)
            while True:
                for kind in ("coil", "frame"):
                    number, message = self._newest.messages.get(kind, (0, b""))
                    if number <= sent.get(kind, 0):
                        continue
                    if kind == "frame":
                        await self._ready.wait()
                        number, message = self._newest.messages[kind]
                        self._ready.clear()
                        self._count(sent=1)
                    sent[kind] = number
                    await self._connection.send(message)
                if all(sent.get(kind) == number for kind, (number, _) in self._newest.messages.items()):
                    await self._newest.change()
        except Exception as error:
            if not _is_end(error):
                raise

    async def _take(self, message: str | bytes) -> None:
        """Do what the client asks; tell it if that makes no sense."""
        try:
            wish = asked(message)
            if wish.kind == "seen":
                self._ready.set()
                return
            assert wish.pose is not None
            self._hub.put(wish.pose, source="page")
        except HeadfieldError as error:
            self._count(damaged=1)
            await self._connection.send(problem_message(in_one_line(error)))


def _is_end(error: Exception) -> bool:
    """Whether an error says that a connection has ended."""
    from websockets.exceptions import ConnectionClosed  # an optional package

    return isinstance(error, (ConnectionClosed, ConnectionError))
