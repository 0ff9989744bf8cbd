# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield serve`, from its start to the signal that ends it."""

import functools
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from given.bases import coarse_tables
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli
from headfield.commands.given_head import GivenHead
from headfield.commands.roi import roi

pytest.importorskip("websockets", reason="no websockets: pip install 'headfield[serve]'")

from given.pages import Page

pytestmark = pytest.mark.filterwarnings("ignore:the basis is off")  # those here are small


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    hf.phantom_head(edge_mm=8).write(folder / "head.msh")
    hf.figure_of_eight(spacing_mm=12).write(folder / "coil.ccd")
    return [str(folder / "head.msh"), str(folder / "coil.ccd")]


@pytest.fixture(scope="module")
def basis(files, tmp_path_factory):
    """Options that name a region, and a small basis of it; no test here looks at its estimates of errors."""
    model = hf.HeadModel(hf.read_mesh(files[0]), device="cpu", primary="edges")
    folder = tmp_path_factory.mktemp("bases")
    head = GivenHead(SimpleNamespace(head=files[0], eeg=None))

    @functools.cache
    def made(text):
        path = folder / f"{len(text)}.npz"
        region = roi(text).region(model.mesh, head.find, None)
        with coarse_tables():
            hf.write_realtime(path, hf.realtime_basis(model, region, size=40))
        return ["--roi", text, "--basis", str(path)]

    return made


class Running:
    """The command in a process of its own."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "headfield", "serve", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(hf.__file__).parents[1])},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def said(self, pattern):
        """What the next line of its output has that matches."""
        line = self.process.stdout.readline()
        found = re.search(pattern, line)
        assert found, (line, self.process.stderr.read() if not line else "")
        return found[1]

    def ended_by(self, number):
        """Exit code, and the last line of stderr."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_from_start_to_signal(files, basis, number, code):
    more = ["--didt", "50A/us", "--web", "0", "--threads", "1"]
    with Running(*files, *basis("mid-layer:-46,-8,60,30"), *more) as run:
        server = SimpleNamespace(url=run.said(r"page +(http://127\.0\.0\.1:\d+/)"))
        with Page(server) as page:
            surface = page.next("surface")[1]
            first, arrays = page.frame()
            assert first["source"] == "start"
            assert first["problem"] == ""
            assert first["didt"] == [50e6]
            assert len(arrays["values"]) == len(surface["points"])
            pose = np.array(first["pose"])
            over = np.array([-46, -8, 60]) - pose[:3, 3]
            assert (
                np.linalg.norm(over - (over @ pose[:3, 2]) * pose[:3, 2]) < 15
            )  # the coil is over the region
            pose[:3, 3] -= 5 * pose[:3, 2]
            page.say("pose", pose=pose.tolist())
            second = page.frame()[0]
            assert second["pose"] == pose.tolist()
            assert 0 < second["max"] < first["max"]
            page.say("pose", pose=(2 * np.eye(4)).tolist())
            assert page.frame()[0]["problem"]
        ended, err = run.ended_by(number)
    assert ended == code
    assert f"headfield: stopped by {signal.Signals(number).name}" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert "ResourceWarning" not in err


def test_a_start_that_is_asked_for(files, basis):
    start = ["--start", "0,-40,90", "--start-handle", "0,40,90"]
    with Running(*files, *basis("sphere:0,-30,50,15"), "--web", "0", *start, "-q") as run:
        server = SimpleNamespace(url=run.said(r"page +(http:\S+)"))
        with Page(server) as page:
            pose = np.array(page.frame()[0]["pose"])
        code, err = run.ended_by(signal.SIGTERM)
    assert pose[1, 1] > 0.9
    assert abs(pose[0, 3]) < 2
    assert code == 143
    assert err.strip().splitlines() == ["headfield: stopped by SIGTERM"]


def test_with_a_navigator_there_is_no_pose_before_it_says_one(files, basis):
    pytest.importorskip("fastcrc")
    with Running(*files, *basis("mid-layer:-46,-8,60,30"), "--web", "0", "--igtl", "0") as run:
        server = SimpleNamespace(url=run.said(r"page +(http:\S+)"))
        port = int(run.said(r"OpenIGTLink +127\.0\.0\.1, port (\d+)"))
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        with Page(server) as page:
            page.next("coil")
            with pytest.raises(TimeoutError):
                page.next("frame", timeout=1.0)
        assert run.ended_by(signal.SIGTERM)[0] == 143


def test_a_port_that_is_taken(files, basis, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        argv = ["serve", *files, *basis("mid-layer:-46,-8,60,30"), "-q", "--web", str(port)]
        fails(capsys, argv, f"port {port} of 127.0.0.1 can't be listened on")


def test_a_basis_of_another_region_is_refused(files, basis, capsys):
    argv = ["serve", *files, *basis("mid-layer:-46,-8,60,30"), "-q", "--web", "0"]
    fails(capsys, [*argv, "--roi", "sphere:0,-30,50,15"], "the basis is of another region")


def test_a_file_that_is_no_basis_is_refused(files, capsys, tmp_path):
    argv = ["serve", *files, "--roi", "sphere:0,-30,50,15", "-q", "--web", "0", "--basis"]
    (tmp_path / "other.npz").write_bytes(Path(files[0]).read_bytes())
    fails(capsys, [*argv, str(tmp_path / "other.npz")], "not a real-time basis")
    fails(capsys, [*argv, str(tmp_path / "nowhere" / "b.npz")], "nowhere")


@pytest.mark.parametrize("head", [None, "phantom"])
def test_a_region_that_is_not_there(files, capsys, head):
    words = [head or files[0], files[1], "--roi", "sphere:500,0,0,5", "-q", "--web", "0"]
    fails(capsys, ["serve", *words], "500")


def test_options_of_files_are_none_of_the_heads_that_come_with_headfield(files, capsys):
    words = ["phantom", files[1], "--roi", "tissue:2", "-q", "--web", "0", "--repair"]
    fails(capsys, ["serve", *words], "--repair is not an option for the kind phantom")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--roi"),
        (["--roi", "mid-layer", "--basis", "b.h5"], "a basis is kept in a .npz"),
        (["--roi", "mid-layer", "--deadline", "0"], "milliseconds above 0"),
        (["--roi", "mid-layer", "--basis-error", "0%"], "is not above 0"),
        (["--roi", "ball:1"], "is no region"),
        (["--roi", "mid-layer", "--web", "70000"], "is not a port"),
        (["--roi", "mid-layer", "--web", "x"], "is not a port"),
        (["--roi", "mid-layer", "--web", "9", "--igtl", "9"], "need a port each"),
        (["--roi", "mid-layer", "--igtl", "9", "--vmax", "5"], "options of --web"),
        (["--roi", "mid-layer", "--axes", "LPS"], "options of --igtl"),
        (["--roi", "mid-layer", "--start-handle", "C3"], "needs --start"),
    ],
)
def test_wrong_usage(files, capsys, words, said):
    assert cli.main(["serve", *files, *words]) == 2
    assert said in capsys.readouterr().err


def test_help_names_what_there_is(capsys):
    assert cli.main(["serve", "--help"]) == 0
    text = capsys.readouterr().out
    for word in ("--web", "--igtl", "--lsl", "--host", "--basis", "--roi", "18944", "8600", "60%MSO"):
        assert word in text
