# SPDX-License-Identifier: BSD-3-Clause
"""Streams of LSL: what a sample has, its time, and what happens without the package."""

import math
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from given.engines import Solver
from given.serving import until

import headfield as hf
from headfield.serving.hub import Hub
from headfield.serving.lsl import CHANNELS, LslOutlet


@pytest.fixture(scope="module")
def engine():
    model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    return Solver(model, hf.regions.tissue(model.mesh, 2))


@pytest.fixture(scope="module")
def pose(engine):
    return engine.model.place(hf.circular_coil(), [0, 0, 92], [0, 50, 92])


@pytest.fixture
def hub(engine):
    with Hub(engine, hf.circular_coil(), 50e6) as hub:
        yield hub


class Element:
    """What describes a stream; it keeps what it is told."""

    def __init__(self):
        self.children, self.values = [], {}

    def append_child(self, name):
        self.children.append(Element())
        return self.children[-1]

    def append_child_value(self, name, value):
        self.values[name] = value
        return self


class StandIn(SimpleNamespace):
    """In place of pylsl: keeps the samples."""

    def __init__(self):
        super().__init__(samples=[], info=None, described=Element())

    def StreamInfo(self, *about):
        self.info = about
        return SimpleNamespace(desc=lambda: self.described)

    def StreamOutlet(self, info):
        return SimpleNamespace(push_sample=lambda sample, at: self.samples.append((sample, at)))

    def local_clock(self):
        return 1000.0 + time.monotonic()


@pytest.fixture
def lsl(monkeypatch):
    module = StandIn()
    monkeypatch.setitem(sys.modules, "pylsl", module)
    return module


def test_a_sample_for_each_frame(lsl, hub, engine, pose):
    with LslOutlet(hub, "efield") as outlet:
        before = time.monotonic()
        hub.put(pose, stamp=7.5)
        until(lambda: outlet.pushed == 1)
        hub.put(2 * np.eye(4))
        until(lambda: outlet.pushed == 2)
    assert lsl.info == ("efield", "EField", 4, 0.0, "double64", "headfield efield")
    channels = lsl.described.children[0].children
    assert [(one.values["label"], one.values["unit"]) for one in channels] == list(CHANNELS)
    (first, at), (second, _) = lsl.samples
    field = engine.model.solve(hf.circular_coil(), pose, 50e6, roi=engine.region)
    magnitude, weights = field.magnitude[0], engine.region.weights
    assert first[:3] == pytest.approx([1, magnitude.max(), magnitude @ weights / weights.sum()])
    assert math.isnan(first[3])  # a plain solve has no estimate
    assert second[0] == 2
    assert all(math.isnan(x) for x in second[1:])
    assert before - 0.001 <= at - 1000.0 <= time.monotonic()
    assert outlet.pushed == 2


def test_the_senders_time_if_asked_for(lsl, hub, pose):
    with LslOutlet(hub, sender_stamps=True) as outlet:
        hub.put(pose, stamp=7.5)
        until(lambda: outlet.pushed == 1)
        hub.put(pose)
        until(lambda: outlet.pushed == 2)
    assert lsl.samples[0][1] == 7.5
    assert lsl.samples[1][1] > 1000.0


def test_bad_names(lsl, hub):
    for bad in ("", "  ", None):
        with pytest.raises(hf.ArgumentError, match="name of an LSL stream"):
            LslOutlet(hub, bad)


def test_without_pylsl(hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(hf.MissingPackageError, match=r"headfield\[lsl\]"):
        LslOutlet(hub)


def test_a_real_stream(hub, pose, monkeypatch):
    try:
        import pylsl
    except (ImportError, OSError, RuntimeError) as error:
        pytest.skip(f"no pylsl with its library: {error}")
    name = f"headfield test {time.time_ns()}"
    with LslOutlet(hub, name) as outlet:
        found = pylsl.resolve_byprop("name", name, 1, 10.0)
        if not found:
            pytest.skip("this machine does not let streams be found")
        inlet = pylsl.StreamInlet(found[0])
        inlet.open_stream(10.0)
        until(lambda: outlet._outlet.have_consumers())
        put = pylsl.local_clock()
        hub.put(pose)
        sample, at = inlet.pull_sample(20.0)
        assert sample[0] == 1
        assert sample[1] > sample[2] > 0
        assert put - 0.01 <= at <= pylsl.local_clock()
        inlet.close_stream()
