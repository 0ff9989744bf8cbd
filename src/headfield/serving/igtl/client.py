# SPDX-License-Identifier: BSD-3-Clause
"""One client of the OpenIGTLink server: what it sends is read, what it is to get waits in one place.

Nothing of a client is queued: of frames only the newest waits for it, of answers the last few. So one that
does not read holds up nobody, and takes no memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from ...errors import HeadfieldError, NetworkError
from .contents import Status
from .message import HEADER_BYTES, Header, Message, read_body, read_header
from .outgoing import KINDS, OK, FrameMessages
from .shared import Shared

__all__ = ["Client"]

CHECKSUM_ERROR, UNKNOWN_INSTRUCTION, BUSY, BAD_MESSAGE = 9, 12, 6, 8
_MOST_ANSWERS = 16
_MOST_READ = 65_536  # bytes of a message that is looked at; longer ones of other types are passed over
_CHUNK = 65_536
_QUERIES = ("GET_", "STT_", "STP_")


class Client:
    """One connection."""

    def __init__(self, shared: Shared, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._shared = shared
        self._reader, self._writer = reader, writer
        self._answers: deque[bytes] = deque(maxlen=_MOST_ANSWERS)
        self._newest: FrameMessages | None = None
        self._wake = asyncio.Event()
        self._kinds = [kind for kind in KINDS if kind in shared.options.send]
        self._told_of_problem = False
        #: Version of the header that it is answered in: that of its own last message.
        self.version = 1
        peer = writer.get_extra_info("peername")
        self.peer = ":".join(map(str, peer[:2])) if isinstance(peer, tuple) else "?"
        writer.transport.set_write_buffer_limits(high=0)  # `drain` then waits for all of a frame

    async def serve(self) -> None:
        """Read and write until the client goes, or is cut off."""
        self.say(Status(OK, "headfield is ready", "OK"))
        writing = asyncio.ensure_future(self._write())
        reading = asyncio.ensure_future(self._read())
        try:
            await asyncio.wait((writing, reading), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, reading):
                task.cancel()
            try:
                ended = await asyncio.gather(writing, reading, return_exceptions=True)
            finally:  # also where the server ends while the two do
                self._writer.transport.abort()
        for problem in ended:  # a connection that is lost is no error; anything else is one of this program
            if isinstance(problem, Exception) and not isinstance(problem, (OSError, EOFError)):
                raise problem

    def say(self, said: Status) -> None:
        """Send a STATUS."""
        self.answer(self._shared.outgoing.status(said, self.version))

    def answer(self, packed: bytes) -> None:
        """Send a message as soon as what is on its way is out."""
        self._answers.append(packed)
        self._wake.set()

    def offer(self, frame: FrameMessages) -> None:
        """Send a frame, unless a newer one comes before its turn."""
        if self._newest is not None:
            self._shared.counts.missed += 1
        self._newest = frame
        self._wake.set()

    async def _write(self) -> None:
        counts, stall_s = self._shared.counts, self._shared.options.stall_s
        while True:
            await self._wake.wait()
            self._wake.clear()
            parts = self._due()
            if not parts:
                continue
            self._writer.writelines(parts)
            try:
                async with asyncio.timeout(stall_s):
                    await self._writer.drain()
            except TimeoutError:
                counts.stalled += 1
                return
            except OSError:
                return
            counts.sent += len(parts)
            counts.sent_bytes += sum(map(len, parts))

    def _due(self) -> list[bytes]:
        parts = list(self._answers)
        self._answers.clear()
        frame, self._newest = self._newest, None
        if frame is None:
            return parts
        packed = frame.packed(self._kinds, self.version)
        if self._told_of_problem and not frame.problem:
            packed.append(
                self._shared.outgoing.status(Status(OK, "there is a field again", "OK"), self.version)
            )
        self._told_of_problem = bool(frame.problem)
        return parts + packed

    async def _read(self) -> None:
        counts = self._shared.counts
        while True:
            try:
                header = read_header(await self._reader.readexactly(HEADER_BYTES))
                await self._message(header)
                await asyncio.sleep(0)  # one that sends without end must leave time to the others
            except NetworkError as error:  # where the next message begins is not known
                counts.damaged += 1
                counts.dropped += 1
                await self._last_words(Status(BAD_MESSAGE, f"{error}: you are disconnected", "BAD_MESSAGE"))
                return
            except asyncio.IncompleteReadError as error:
                counts.damaged += bool(error.partial)
                return
            except OSError:
                return

    async def _message(self, header: Header) -> None:
        counts, most = self._shared.counts, self._shared.options.max_bytes
        if header.body_bytes > most:
            raise NetworkError(f"a {header.type} of {header.body_bytes:,} bytes, at most {most:,} are taken")
        if header.body_bytes > _MOST_READ:
            await self._pass_over(header.body_bytes)
            counts.ignored += 1
            return
        body = await self._body(header)
        try:
            message = read_body(header, body)
            self.version = header.version
            self._take(message)
        except NetworkError as error:
            counts.damaged += 1
            self.say(Status(CHECKSUM_ERROR, str(error), "CHECKSUM_ERROR"))
        except HeadfieldError as error:
            counts.refused += 1
            self.say(Status(BAD_MESSAGE, str(error), "REFUSED"))

    async def _body(self, header: Header) -> bytes:
        try:
            return await self._reader.readexactly(header.body_bytes)
        except asyncio.IncompleteReadError:
            self._shared.counts.damaged += 1
            raise asyncio.IncompleteReadError(b"", HEADER_BYTES) from None

    async def _pass_over(self, size: int) -> None:
        while size > 0:
            read = await self._reader.read(min(size, _CHUNK))
            if not read:
                self._shared.counts.damaged += 1
                raise asyncio.IncompleteReadError(b"", size)
            size -= len(read)

    async def _last_words(self, said: Status) -> None:
        """Send what was to be sent and a last STATUS, if that goes at once."""
        self.say(said)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                while self._answers:
                    await asyncio.sleep(0.001)

    def _take(self, message: Message) -> None:
        kind = message.type
        if kind == "TRANSFORM":
            self._shared.take_pose(message, self.peer)
        elif kind.startswith(_QUERIES):
            self._query(kind[:4], kind[4:])
        else:
            self._shared.counts.ignored += 1

    def _query(self, verb: str, what: str) -> None:
        shared = self._shared
        shared.counts.queries += 1
        if verb == "GET_" and what in ("STATUS", "CAPABIL", "CAPABILITY"):
            packed = shared.capability(self.version) if what != "STATUS" else shared.state(self.version)
            return self.answer(packed)
        if verb == "GET_" and what in ("TRANS", "TRANSFOR", "TRANSFORM"):
            return self._answer_or_refuse(shared.newest_pose(self.version), "TRANS")
        if what not in shared.options.send:
            return self.say(Status(UNKNOWN_INSTRUCTION, f"{verb}{what} is not known here", "UNKNOWN"))
        if verb == "GET_":
            return self._answer_or_refuse(shared.newest(what, self.version), what)
        wanted = set(self._kinds) | {what} if verb == "STT_" else set(self._kinds) - {what}
        self._kinds = [one for one in KINDS if one in wanted]
        return self.answer(shared.done(what, self.version, True))

    def _answer_or_refuse(self, packed: bytes | None, what: str) -> None:
        self.answer(self._shared.done(what, self.version, False) if packed is None else packed)
