# SPDX-License-Identifier: BSD-3-Clause
"""The side of a page: what it gets of a server, and what it says."""

import json
import time
from contextlib import ExitStack

import numpy as np
from websockets.sync.client import connect


def unpacked(message):
    """Header and arrays of a message of the server."""
    size = int.from_bytes(message[:4], "little")
    header, at, arrays = json.loads(message[4 : 4 + size]), 4 + size, {}
    for name, kind, shape in header["arrays"]:
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(message, f"<{kind}", count, at).reshape(shape)
        at += arrays[name].nbytes
    assert at == len(message)
    return header, arrays


class Page:
    """A client that says that it is ready for the next frame when it is told to."""

    def __init__(self, server, **more):
        more.setdefault("origin", server.url.rstrip("/"))
        address = server.url.replace("http", "ws") + "frames"
        self._opened = ExitStack()
        self.socket = self._opened.enter_context(connect(address, compression=None, max_size=2**26, **more))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._opened.close()

    def next(self, kind, timeout=60.0):
        """The next message of a kind, header and arrays; others before it are passed over."""
        until = time.monotonic() + timeout
        while True:
            message = self.socket.recv(timeout=max(until - time.monotonic(), 0.0))
            header, arrays = (json.loads(message), {}) if isinstance(message, str) else unpacked(message)
            if header["kind"] == kind:
                return header, arrays

    def say(self, kind, **more):
        self.socket.send(json.dumps({"kind": kind, **more}))

    def frame(self, **more):
        """The next frame; the one after it may come."""
        found = self.next("frame", **more)
        self.say("seen", number=found[0]["number"])
        return found
