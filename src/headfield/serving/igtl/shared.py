# SPDX-License-Identifier: BSD-3-Clause
"""What all clients of an OpenIGTLink server share: options, counts, the newest frame, and the hub."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import HeadfieldError
from ..hub import Hub
from .contents import Status, answer, capability, read_transform, transform
from .message import Message
from .outgoing import OK, FrameMessages, Outgoing

__all__ = ["IgtlCounts", "Options", "Shared"]

_UNDERSTOOD = ("TRANSFORM", "GET_STATUS", "GET_CAPABIL", "GET_TRANS")


@dataclass
class IgtlCounts:
    """What an OpenIGTLink server has done so far.

    Attributes
    ----------
    clients : int
        Connected now.
    connected, turned_away : int
        Clients that came, and those that were too many.
    poses, queries, ignored : int
        Messages: TRANSFORMs taken, queries, and those of other types or devices.
    damaged, refused : int
        Messages with a wrong CRC, sizes that don't fit or an end too early; and those whole but not usable.
    dropped, stalled : int
        Clients that were cut off: for sending what is no message or too large a one, and for not reading.
    sent, sent_bytes, missed : int
        Messages that went out; frames that a client was too slow for.
    errors : int
        Clients that were lost by an error of the server itself.
    """

    clients: int = 0
    connected: int = 0
    turned_away: int = 0
    poses: int = 0
    queries: int = 0
    ignored: int = 0
    damaged: int = 0
    refused: int = 0
    dropped: int = 0
    stalled: int = 0
    sent: int = 0
    sent_bytes: int = 0
    missed: int = 0
    errors: int = 0


@dataclass(frozen=True)
class Options:
    """How the server treats its clients; `IgtlServer` says what each means."""

    device: str | None
    send: tuple[str, ...]
    max_bytes: int
    max_clients: int
    stall_s: float


class Shared:
    """What the clients reach; only in the thread of the loop."""

    def __init__(self, hub: Hub, outgoing: Outgoing, options: Options) -> None:
        self._hub = hub
        self.outgoing, self.options = outgoing, options
        self.counts = IgtlCounts()
        self.frame: FrameMessages | None = None

    def take_pose(self, message: Message, peer: str) -> None:
        """Take a TRANSFORM; raise a HeadfieldError for one that is damaged."""
        if self.options.device not in (None, message.name):
            self.counts.ignored += 1
            return
        pose = self.outgoing.axes.pose(read_transform(message.content))
        self._hub.put(pose, stamp=message.stamp or None, source=f"{message.name} of {peer}")
        self.counts.poses += 1

    def newest(self, kind: str, version: int) -> bytes | None:
        """Return one message of the newest frame, or None if there is no field."""
        if self.frame is None or (self.frame.problem and kind != "STRING"):
            return None
        try:
            return self.frame.one(kind, version)
        except HeadfieldError:
            return None

    def newest_pose(self, version: int) -> bytes | None:
        """Return the newest pose that a frame was made of, in the client's axes."""
        if self.frame is None:
            return None
        frame = self.frame.frame
        content = transform(self.outgoing.axes.their_pose(frame.pose))
        return self.outgoing.packed("TRANSFORM", "pose", content, version, frame)

    def capability(self, version: int) -> bytes:
        """Return what GET_CAPABIL asks for."""
        queries = [f"{verb}{kind}"[:12] for kind in self.options.send for verb in ("GET_", "STT_", "STP_")]
        names = [*_UNDERSTOOD, *queries, *self.options.send, "STATUS", "CAPABILITY"]
        return self.outgoing.packed("CAPABILITY", "status", capability(names), version)

    def state(self, version: int) -> bytes:
        """Return what GET_STATUS asks for."""
        counts = self._hub.counts
        text = f"{counts.received} poses, {counts.computed} fields, {counts.failed} refused"
        return self.outgoing.status(Status(OK, text, "OK"), version)

    def done(self, what: str, version: int, ok: bool) -> bytes:
        """Return the answer RTS_ to a query that was done, or could not be."""
        return self.outgoing.packed(f"RTS_{what}"[:12], "status", answer(ok), version)
