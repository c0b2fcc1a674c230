"""The notebooks as a reader runs them: every cell works, and what is stored is what comes out.

`python -m tests.test_notebooks` renews what is stored.
"""

import json
import os
import re
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

import verify.papers  # noqa: F401  (registers the claims)
from verify.claims.claim import REGISTRY

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 300_000
HANGS = 600
"""Seconds after which a cell is taken to wait for ever, on however busy a machine."""
CPU_SECONDS = 30.0
CLOCK = "import time; print(time.process_time())"

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(text)


def shown(cell: dict[str, Any]) -> list[str]:
    """What a cell printed and showed, figures by the fact that they are there."""
    found: list[str] = []
    for kind, outputs in groupby(cell["outputs"], lambda output: output["output_type"]):
        if kind == "stream":  # in how many pieces depends on the time it took
            found.append("".join(joined(output["text"]) for output in outputs))
            continue
        for data in (output["data"] for output in outputs):
            kinds = ("image/png", "text/markdown", "text/latex", "text/plain")
            best = next(kind for kind in kinds if kind in data)
            found.append("a figure" if best == "image/png" else joined(data[best]))
    return found


def execute(path: Path, folder: str) -> tuple[Any, float]:
    """The notebook with new outputs, and the processor's seconds that it took."""
    reason = "the notebooks need more packages: pip install -e '.[notebooks]'"
    nbformat = pytest.importorskip("nbformat", reason=reason)
    nbclient = pytest.importorskip("nbclient", reason=reason)
    for name in ("ipykernel", "matplotlib", "scipy"):
        pytest.importorskip(name, reason=reason)
    if "import torch" in path.read_text(encoding="utf-8"):
        pytest.importorskip("torch", reason="get PyTorch with the extra 'torch'")
    if "EXPERIMENTS" in path.read_text(encoding="utf-8"):
        pytest.importorskip("sklearn", reason="get scikit-learn with the extra 'experiments'")
    notebook = nbformat.read(path, as_version=4)
    metadata = dict(notebook.metadata)
    notebook.cells.append(nbformat.v4.new_code_cell(CLOCK))
    client = nbclient.NotebookClient(
        notebook,
        timeout=HANGS,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": folder}},
    )
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    notebook.metadata = nbformat.from_dict(metadata)
    return notebook, float(shown(notebook.cells.pop())[0])


@by_name
def test_a_notebook_runs_and_its_stored_outputs_are_current(path: Path, tmp_path: Path):
    notebook, seconds = execute(path, str(tmp_path))
    run = (cell for cell in notebook.cells if cell.cell_type == "code")
    for stored, now in zip(cells(path, "code"), run, strict=True):
        assert shown(now) == shown(stored), joined(stored["source"])
    assert seconds < CPU_SECONDS


@by_name
def test_a_notebook_is_small_and_says_nothing_of_the_machine_it_ran_on(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < LARGEST
    assert not re.search(r"/home/|/root|/tmp|ipykernel_\d|\"stderr\"|<matplotlib", text)
    assert all(not cell["metadata"].get("execution") for cell in cells(path, "code"))


@by_name
def test_every_claim_that_a_notebook_names_exists(path: Path):
    told = " ".join(
        joined(cell["source"]) for kind in ("markdown", "code") for cell in cells(path, kind)
    )
    sources = {name.split(".")[0] for name in REGISTRY.claims}
    named = re.findall(rf"[`\"]((?:{'|'.join(sources)})\.[\w-]+)[`\"]", told)
    assert {name for name in named if name not in REGISTRY.claims} == set()
    assert named


if __name__ == "__main__":
    for path in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            renewed, _ = execute(path, folder)
        pytest.importorskip("nbformat").write(renewed, path)
