# SPDX-License-Identifier: BSD-3-Clause
"""nvcc makes PTX and machine code once; a stand-in for it counts how often it is called, and what for."""

import sys

import compiler
import pytest
from ptx import kept, nvcc

# It notes its call, and writes the header and what it is to define to its output and the folder of --keep.
STAND_IN = """#!{python}
import pathlib, sys
here, words = pathlib.Path(__file__).parent, sys.argv[1:]
if words == ["--version"]:
    sys.exit(print((here / "version").read_text()))
with open(here / "calls", "a") as log:
    print(*words, file=log)
text = (here / "cpp" / "a.hpp").read_text() + " ".join(word for word in words if word.startswith("-D"))
target = pathlib.Path(words[words.index("-o") + 1])
target.write_text(text)
if "--keep" in words:
    folder = pathlib.Path(words[words.index("--keep-dir") + 1])
    for ending in ("ptx", "cubin"):
        (folder / ("verbs." + ending)).write_text(text)
if (here / "late").exists():
    (here / "cpp" / "a.hpp").write_text((here / "late").read_text())
print("ptxas info    : Used 8 registers")
print("verbs.cu: warning", file=sys.stderr)
sys.exit("-Dwrong" in words)
"""
FLAGS = ["-O3", "-fmad=false", "-x", "cu"]
ONE = "--generate-code=arch=compute_90,code=[sm_90]"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder with sources and a compiler, for which the scripts take it."""
    for name, text in {"cpp/a.hpp": "one", "cuda/verbs.cu": "two", "version": "V1", "calls": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "nvcc").write_text(STAND_IN.format(python=sys.executable))
    (tmp_path / "nvcc").chmod(0o755)
    monkeypatch.setattr(kept, "ROOT", tmp_path)
    monkeypatch.setattr(kept, "SOURCES", [tmp_path / "cpp", tmp_path / "cuda"])
    monkeypatch.setattr(nvcc, "FOLDER", tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    return tmp_path


def calls(tree):
    """Since the last time."""
    text = (tree / "calls").read_text()
    (tree / "calls").write_text("")
    return text.splitlines()


def command(tree, *more):
    return [str(tree / "nvcc"), *FLAGS, *more, str(tree / "cuda" / "verbs.cu")]


def made(tree, monkeypatch, *more, machine_code=True, architecture="90"):
    """How often the compiler is called for the kernels of the tree."""
    monkeypatch.setattr(nvcc, "commands", lambda *_: {"verbs": command(tree, *more)})
    compiler_here = str(tree / "nvcc")
    files = nvcc.kernels(nvcc.FOLDER, compiler_here, architecture, 1, machine_code=machine_code)["verbs"]
    wanted = (tree / "cpp" / "a.hpp").read_text() + "".join(more)
    assert files.ptx.read_text() == wanted
    if machine_code:
        assert "Used 8 registers" in files.said.read_text()
        assert files.cubin.exists()
    return len(calls(tree))


def build(tree, *more):
    """The wheel's own call, by way of what stands before the compiler; returns its exit code."""
    words = [*command(tree, *more)[:-1], "-Werror=all-warnings", "-Xcompiler=-Werror", "-MD", "-MT", "a"]
    words += ["-MF", "a.d", "-c", str(tree / "cuda" / "verbs.cu"), "-o", str(tree / "verbs.o")]
    return compiler.main(words)


def test_what_nothing_changed_is_not_made_again(tree, monkeypatch):
    assert made(tree, monkeypatch, machine_code=False) == 1
    assert made(tree, monkeypatch, machine_code=False) == 0
    assert made(tree, monkeypatch) == 1  # the machine code alone
    assert made(tree, monkeypatch) == 0


@pytest.mark.parametrize("name", ["cpp/a.hpp", "cuda/verbs.cu", "cuda/new.hpp", "version"])
def test_a_changed_source_or_compiler_makes_both_anew(tree, monkeypatch, name):
    assert made(tree, monkeypatch) == 2
    (tree / name).write_text("other")
    assert made(tree, monkeypatch) == 2
    assert made(tree, monkeypatch) == 0


def test_a_changed_command_makes_both_anew(tree, monkeypatch):
    assert made(tree, monkeypatch) == 2
    assert made(tree, monkeypatch, architecture="100") == 2
    assert made(tree, monkeypatch, "-DX") == 2
    monkeypatch.setenv("NVCC_APPEND_FLAGS", "-G")
    assert made(tree, monkeypatch, "-DX") == 2
    assert made(tree, monkeypatch, "-DX") == 0


@pytest.mark.parametrize("ending", ["ptx", "cubin", "said"])
def test_what_is_damaged_is_made_anew(tree, monkeypatch, ending):
    assert made(tree, monkeypatch) == 2
    (nvcc.FOLDER / f"verbs.{ending}").write_text("half")
    assert made(tree, monkeypatch) == 1
    (nvcc.FOLDER / f"verbs.{ending}").unlink()
    assert made(tree, monkeypatch) == 1


def test_what_a_source_changed_under_is_not_kept(tree, monkeypatch):
    (tree / "late").write_text("three")
    command_here = command(tree, "-o", str(nvcc.FOLDER / "verbs.ptx"))
    kept.make([nvcc.FOLDER / "verbs.ptx"], command_here, lambda: nvcc.run(command_here))
    assert (nvcc.FOLDER / "verbs.ptx").read_text() == "one"
    assert not kept.are_kept([nvcc.FOLDER / "verbs.ptx"], kept.inputs(command_here))
    assert build(tree, ONE) == 0  # nothing changes any more: what is written is what is there
    calls(tree)
    assert made(tree, monkeypatch) == 0


def test_the_build_leaves_what_the_tests_take(tree, monkeypatch, capfd):
    assert build(tree, ONE) == 0
    assert (tree / "verbs.o").read_text() == "one"
    assert capfd.readouterr().err == "verbs.cu: warning\n"
    (call,) = calls(tree)
    assert "-Werror=all-warnings" in call
    assert made(tree, monkeypatch) == 0
    assert [path.name for path in nvcc.FOLDER.iterdir() if path.is_dir()] == []
    (tree / "cpp" / "a.hpp").write_text("other")
    assert made(tree, monkeypatch) == 2


@pytest.mark.parametrize(
    "architectures", [[], [ONE, ONE.replace("90", "100")], [ONE.replace("sm_90", "compute_90,sm_90")]]
)
def test_a_build_for_others_is_left_as_it_is(tree, architectures):
    assert build(tree, *architectures) == 0
    (call,) = calls(tree)
    assert "--keep" not in call
    assert list(nvcc.FOLDER.iterdir()) == []


def test_other_files_are_left_as_they_are(tree):
    target = tree / "check.o"
    assert compiler.main([str(tree / "nvcc"), ONE, "-c", "/tmp/check.cu", "-o", str(target)]) == 0
    assert "--keep" not in calls(tree)[0]
    assert target.exists()


def test_a_build_that_fails_says_so_and_leaves_nothing(tree, capfd):
    assert build(tree, ONE, "-Dwrong") == 1
    said = capfd.readouterr().err
    assert "warning" in said
    assert "ptxas info" in said
    assert list(nvcc.FOLDER.iterdir()) == []
