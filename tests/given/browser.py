# SPDX-License-Identifier: BSD-3-Clause
"""A browser for tests of pages: `apt-get install chromium`."""

import fcntl
import json
import os
import shutil
import subprocess
import sys

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)


class Browser:
    """Chromium without a screen or a network, driven by its DevTools protocol over a pipe.

    It reaches nothing but 127.0.0.1.
    """

    def __init__(self, folder, width=1400, height=1000):
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 50) for pipe in (os.pipe(), os.pipe()) for end in pipe]
        theirs = (ends[0], ends[3])
        start = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
        start += "os.execv(sys.argv[3], sys.argv[3:])"
        words = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", f"--user-data-dir={folder}"]
        words += [
            "--use-gl=angle",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--no-first-run",
        ]
        words += [
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--disable-background-networking",
        ]
        words += [f"--window-size={width},{height}"]
        command = [sys.executable, "-c", start, *map(str, theirs), BROWSER, *words]
        self.process = subprocess.Popen(command, pass_fds=theirs, stderr=subprocess.DEVNULL)
        for end in theirs:
            os.close(end)
        self.to, self.answers = os.fdopen(ends[1], "wb"), os.fdopen(ends[2], "rb")
        self.session, self.events, self.number, self.rest = {}, [], 0, b""

    def __enter__(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.session = {"sessionId": session}
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.to.close()
        self.answers.close()

    def call(self, method, **params):
        """Send a command and return its answer; what happens meanwhile is kept in `events`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params, **self.session}
        self.to.write(json.dumps(message).encode() + b"\0")
        self.to.flush()
        while True:
            message = self.message()
            if message.get("id") == self.number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self.events.append(message)

    def message(self):
        while b"\0" not in self.rest:
            piece = self.answers.read1(1 << 16)
            assert piece, f"the browser ended with {self.process.wait()}"
            self.rest += piece
        one, _, self.rest = self.rest.partition(b"\0")
        return json.loads(one)

    def run(self, script):
        """The value of a script that may wait."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def seen(self, *methods):
        return [event["params"] for event in self.events if event.get("method") in methods]
