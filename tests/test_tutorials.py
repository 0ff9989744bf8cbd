# SPDX-License-Identifier: BSD-3-Clause
"""The Python blocks of the tutorials run, page by page, and the notebooks from the first cell to the last."""

import doctest
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import headfield as hf

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted((DOCS / "tutorials").glob("*.md"))
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
LATER = {"index.md", "night_on_slurm.md"}  # a list of pages; and one for the shell


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_blocks_of_a_tutorial_run(page):
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert failed == 0
    assert tried > 8 or page.name in LATER


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_python_block_is_one_that_runs(page):
    """A block of code without prompts would be run by nobody."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    assert [block for block in blocks if not block.startswith(">>>")] == []
    assert [block for block in blocks if not block.endswith("\n\n")] == []  # else the fence is output


def test_the_job_of_a_night_is_one(tmp_path):
    page = (DOCS / "tutorials" / "night_on_slurm.md").read_text(encoding="utf-8")
    desk, night = re.findall(r"```toml\n(.*?)```", page, re.S)
    (tmp_path / "desk.toml").write_text(desk, encoding="utf-8")
    job = hf.jobs.read_job(tmp_path / "desk.toml")
    assert (job.chunk, job.outputs.target) == (16, "-40,-8,50")
    (tmp_path / "night.toml").write_text(night, encoding="utf-8")
    job = hf.jobs.read_job(tmp_path / "night.toml")
    assert (list(job.heads), list(job.coils), job.chunk) == (["anna", "ben"], ["d70", "mcf"], 32)
    assert job.outputs.target == "mni:-37,-21,58"


def test_every_tutorial_is_in_the_list():
    listed = (DOCS / "tutorials" / "index.md").read_text(encoding="utf-8")
    names = [page.stem for page in PAGES if page.name != "index.md"]
    assert len(names) >= 8
    assert [name for name in names if f"\n{name}\n" not in listed] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook, tmp_path):
    """In a process of its own, so that what Jupyter warns of is its own affair."""
    for package in ("nbclient", "ipykernel", "matplotlib"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
    program = (
        "import sys, nbformat, nbclient\n"
        "notebook = nbformat.read(sys.argv[1], as_version=4)\n"
        "nbclient.NotebookClient(notebook, timeout=300, kernel_name='python3').execute()\n"
        "nbformat.write(notebook, sys.argv[2])\n"
    )
    done = tmp_path / "done.ipynb"
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, notebook, done],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    cells = json.loads(done.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2  # pictures are shown
    assert [output for output in outputs if output.get("name") == "stderr"] == []  # and nothing is warned of


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


def test_there_are_two_notebooks():
    assert len(NOTEBOOKS) == 2
