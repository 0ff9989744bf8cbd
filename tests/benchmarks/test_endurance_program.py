# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/endurance.py: it tells missed and wrong frames, and its report shows what was measured."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastcrc", reason="no fastcrc: pip install 'headfield[serve]'")

from given.serving import COIL, Stub, loose_points, pose_at

from headfield.serving.hub import Hub
from headfield.serving.igtl.server import IgtlServer

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
OWN = ("endurance", "igtl_latency", "measure", "reporting.endurance")


@pytest.fixture
def programs(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import endurance
    from reporting import endurance as reporting

    yield endurance, reporting
    for name in OWN:
        sys.modules.pop(name, None)


def served(endurance, stub, frames, hz=None):
    """What a client finds of a server in this process."""
    poses = np.array([pose_at(x) for x in range(1, 8)])
    with (
        Hub(stub, COIL) as hub,
        IgtlServer(hub, port=0) as server,
        endurance.Client(server.port, 0, poses, frames) as client,
    ):
        client.run(hz)
        return client.facts()


@pytest.fixture
def without_proc(programs, monkeypatch):
    """The client with a process that is none."""
    endurance = programs[0]
    monkeypatch.setattr(endurance, "resident_mb", lambda process: 100.0)
    monkeypatch.setattr(endurance, "cpu_seconds", lambda process: 0.0)
    monkeypatch.setattr(endurance, "busy_seconds", lambda: 0.0)
    return endurance


def test_back_to_back_every_pose_has_its_frame(without_proc):
    found = served(without_proc, Stub(loose_points(50)), 200)
    assert (found["sent"], found["answered"], found["missed"], found["wrong"]) == (200, 200, 0, 0)
    assert found["places"] == 50
    assert len(found["memory_mb"]) == len(found["memory_at"])


def test_poses_that_are_overtaken_are_missed(without_proc):
    """An engine that takes 20 ms does 50 a second at most: of 60 poses within 60 ms few have a frame."""
    found = served(without_proc, Stub(loose_points(50), seconds=0.02), 60, hz=1000.0)
    assert found["missed"] > 20
    assert found["answered"] == 60 - found["missed"]
    assert found["wrong"] == 0


def test_a_field_that_is_not_that_of_the_same_pose_before_is_wrong(without_proc):
    stub = Stub(loose_points(50))

    def spoil(pose):
        if len(stub.poses) == 30:
            stub._steps = stub._steps + np.float32(2e-6)

    stub.before = spoil
    assert served(without_proc, stub, 30)["wrong"] == 1


def row(**more):
    of_all = {"head": "phantom", "nodes": 77_197, "threads": 1, "places": 4_002, "frame_kb": 112.5}
    of_all |= {"seconds": 1_800.0, "sent": 180_000, "answered": 179_999, "late": 2, "missed": 1, "wrong": 0}
    of_all |= {"load": 0.25, "cpu_ms": 4.5, "busy_elsewhere": 0.5}
    for name in ("latency_ms", "field_ms", "beyond_ms"):
        of_all[name] = {"median": 5.0, "p99": 12.5, "largest": 80.0}
    of_all |= {"memory_at": [0.0, 0.5, 1.0], "memory_mb": [450.04, 451.0, 451.25]}
    return of_all | more


def test_the_report_has_a_line_for_each_rate(programs):
    report = {"rows": [row(hz=None), row(hz=50.0)]}
    text = "\n".join(programs[1].section({"endurance": json.loads(json.dumps(report))}).blocks)
    assert "| back to back | 1 | 1,800 | 180,000 | 2 | 1 | 0 | 5.00 | 12.5 | 80.0 | 5.00 | 12.5 |" in text
    assert "| 50 | 450.0 | 451.0 | 451.2 |" in text
    assert "| 4.50 | 25.0 | 50.0 |" in text


def test_without_a_file_the_section_says_how_to_make_it(programs):
    (block,) = programs[1].section({}).blocks
    assert "python benchmarks/endurance.py" in block
