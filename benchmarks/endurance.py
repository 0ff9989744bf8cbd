# SPDX-License-Identifier: BSD-3-Clause
"""An hour of frames: what `headfield serve` takes in memory and misses, and how long a pose waits.

    python benchmarks/endurance.py                              # as many as at 50 Hz in an hour, back to back
    python benchmarks/endurance.py --hz 50 --minutes 5 --update # at their real rate; rows of other rates stay
    python benchmarks/endurance.py --frames 500 --out FOLDER    # a look

The command serves a head from a real-time basis, in a process of its own. A client of OpenIGTLink sends a
TRANSFORM, 64 angles of a figure-8 in turn, and reads what comes: |E| as NDARRAY and on a POLYDATA, and the
STRING that ends a frame. Back to back, the next pose goes out when the field of the last has come. At a rate,
poses go out by the clock, and a pose that has no field when the next one's turn comes may be overtaken: it is
missed; it is late if the client itself sent it after the next one's turn. Every frame is held against its
pose, and its |E| against that of the first frame of the same angle, bit by bit: one that differs is wrong.
Memory is what the server's process has resident; its load the CPU time that it took over the time that went
by, 1 being one core; what other programs took is kept beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import measure
import numpy as np
from igtl_latency import exactly

import headfield as hf
from headfield.commands.demo_heads import HEADS
from headfield.serving.igtl import contents, message

HERE = Path(__file__).resolve().parent
HZ = 50.0
HOUR = 180_000  # frames at 50 Hz
ANGLES = 64
SPACING_MM = 8.0  # of the dipoles: what a frame takes is not what is looked at here
SHARES = (0.0, 0.01, 0.25, 0.5, 0.75, 1.0)  # of the frames, where memory is looked at
WAIT_S = 60.0
SITE_MM = (-46.0, -8.0, 70.0)
Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--head", default="phantom", help="as of `headfield serve` [%(default)s]")
    parser.add_argument("--roi", default="sphere:-40,-8,50,25", help="in gray matter [%(default)s]")
    parser.add_argument("--basis", type=Path, default=None, help=".npz: read if it is there, else kept there")
    parser.add_argument("--frames", type=int, default=HOUR, help="[%(default)s]")
    parser.add_argument("--hz", type=float, default=None, help="poses by the clock [back to back]")
    parser.add_argument("--minutes", type=float, default=None, help="with --hz, in place of --frames")
    parser.add_argument("--threads", type=int, default=1, help="of the server's loops [%(default)s]")
    parser.add_argument("--update", action="store_true", help="keep rows of other rates")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder")
    args = parser.parse_args()
    if args.minutes is not None:
        args.frames = round(60 * args.minutes * (args.hz or HZ))
    new = row(args)
    print(json.dumps(new, indent=1))
    out, rows = args.out / "endurance.json", [new]
    if args.update and out.exists():
        kept = [one for one in json.loads(out.read_text())["rows"] if one["hz"] != args.hz]
        rows = sorted([*kept, new], key=lambda one: one["hz"] or 0.0)
    measure.write_report(out, vars(args), {"rows": rows, "device": "cpu"})
    print(f"wrote {out}")
    return 0


def row(args: argparse.Namespace) -> Row:
    """All that is measured in one run."""
    own = None if os.path.exists(args.head) else HEADS[args.head]()  # as `headfield serve` takes the name
    mesh = hf.read_mesh(args.head) if own is None else own.make(own.edge_mm)
    site = np.array(SITE_MM)
    poses = hf.ring(hf.place(mesh, site, site + [0.0, 50.0, 0.0]), np.arange(ANGLES) * 360.0 / ANGLES)
    coil = args.out / "figure_of_eight.ccd"
    args.out.mkdir(parents=True, exist_ok=True)
    hf.figure_of_eight(spacing_mm=SPACING_MM).write(coil)
    words = [args.head, str(coil), "--roi", args.roi, "--tissues", "2", "--igtl", "0", "--quiet"]
    words += ["--threads", str(args.threads)] + (["--basis", str(args.basis)] if args.basis else [])
    command = [sys.executable, "-m", "headfield", "serve", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            port = re.search(r"port (\d+)", said)
            if port is None:
                raise SystemExit(f"the server did not start: {said!r}")
            with Client(int(port.group(1)), server.pid, poses, args.frames) as client:
                client.run(args.hz)
                facts = client.facts()
        finally:
            server.terminate()
            coil.unlink()
    about = {"head": Path(args.head).name, "nodes": mesh.n_nodes}
    return about | {"hz": args.hz, "threads": args.threads, **facts}


class Client:
    """Sends poses to a server and looks at what comes.

    Parameters
    ----------
    port, process : int
        Of the server.
    poses : ndarray (k, 4, 4)
        Sent in turn.
    frames : int
        How many poses are sent.
    """

    def __init__(self, port: int, process: int, poses: np.ndarray, frames: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.process, self.poses, self.frames = process, poses, frames
        self.sent, self.came, self.field_s = (np.full(frames, np.nan) for _ in range(3))
        self.first: dict[int, bytes] = {}  # |E| of each pose, as it came first
        self.wrong, self.late, self.places, self.bytes = 0, 0, 0, 0
        self.memory: list[float] = []
        self.marks = [min(round(share * frames), frames - 1) for share in SHARES[:-1]]
        self.seconds = self.cpu_s = self.busy_elsewhere = 0.0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def run(self, hz: float | None) -> None:
        """Send all poses and take what comes, by the clock or one after the other."""
        began, cpu = time.perf_counter(), cpu_seconds(self.process)
        busy, own = busy_seconds(), time.process_time()
        if hz is None:
            for number in range(self.frames):
                self.send(number)
                while np.isnan(self.came[number]):
                    self.take()
        else:
            sender = threading.Thread(target=self.by_the_clock, args=(began, hz), daemon=True)
            sender.start()
            while np.isnan(self.came[-1]):
                self.take()
            sender.join()
        self.seconds, self.cpu_s = time.perf_counter() - began, cpu_seconds(self.process) - cpu
        of_others = busy_seconds() - busy - self.cpu_s - (time.process_time() - own)
        self.busy_elsewhere = max(of_others, 0.0) / self.seconds / (os.cpu_count() or 1)
        self.memory.append(resident_mb(self.process))

    def by_the_clock(self, began: float, hz: float) -> None:
        for number in range(self.frames):
            time.sleep(max(0.0, began + number / hz - time.perf_counter()))
            self.send(number)
            self.late += self.sent[number] > began + (number + 1) / hz

    def send(self, number: int) -> None:
        """Send a pose; its time stamp is its number, which the frame gives back."""
        while self.marks and number == self.marks[0]:
            self.memory.append(resident_mb(self.process))
            print(f"{number:,} frames: {self.memory[-1]:.1f} MB", file=sys.stderr, flush=True)
            self.marks.pop(0)
        content = contents.transform(self.poses[number % len(self.poses)])
        packed = message.pack(message.Message("TRANSFORM", "coil", content, float(number + 1)))
        self.sent[number] = time.perf_counter()
        self.connection.sendall(packed)

    def take(self) -> None:
        """Read up to the STRING that ends a frame, and look whether it is right."""
        values, size = b"", 0
        while True:
            header = message.read_header(bytes(exactly(self.connection, message.HEADER_BYTES)))
            body = bytes(exactly(self.connection, header.body_bytes))
            size += message.HEADER_BYTES + len(body)
            if header.type == "NDARRAY":
                values = body
            if header.type == "STRING":
                break
        said, now = json.loads(contents.read_string(body)), time.perf_counter()
        number = round(said["stamp"]) - 1
        which = number % len(self.poses)
        same = np.allclose(said["pose"], self.poses[which], rtol=1e-5, atol=1e-4)
        same = same and values != b"" and self.first.setdefault(which, values) == values
        self.wrong += not (same and said["problem"] == "")
        self.came[number], self.field_s[number] = now, said["seconds"]
        self.places, self.bytes = said.get("points", 0), size

    def facts(self) -> Row:
        """Return what was found."""
        answered = np.isfinite(self.came)
        whole, inside = 1e3 * (self.came - self.sent)[answered], 1e3 * self.field_s[answered]
        return {
            "places": self.places,
            "frame_kb": self.bytes / 1e3,
            "seconds": self.seconds,
            "sent": self.frames,
            "answered": int(answered.sum()),
            "missed": int((~answered).sum()),
            "wrong": self.wrong,
            "late": int(self.late),
            "latency_ms": spread(whole),
            "field_ms": spread(inside),
            "beyond_ms": spread(whole - inside),
            "load": self.cpu_s / self.seconds,
            "busy_elsewhere": self.busy_elsewhere,
            "cpu_ms": 1e3 * self.cpu_s / max(1, int(answered.sum())),
            "memory_at": list(SHARES),
            "memory_mb": self.memory,
        }


def spread(values: np.ndarray) -> Row:
    """Median, 99th percentile and largest of some values."""
    found = np.percentile(values, [50, 99, 100])
    return dict(zip(("median", "p99", "largest"), map(float, found), strict=True))


def resident_mb(process: int) -> float:
    """What of a process is in memory, MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_seconds(process: int) -> float:
    """CPU time that a process has taken so far, of all its threads, s."""
    parts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """CPU time that all programs together have taken since the machine started, s."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
