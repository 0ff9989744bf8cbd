# SPDX-License-Identifier: BSD-3-Clause
"""Processes that a test has forked."""

import os
import signal
import time


def ended(child: int, seconds: float) -> int | None:
    """The status that a child ends with; None if it hangs and has to be killed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
