"""The documentation's notebook: every cell runs, and prints what the page shows."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "tour.ipynb"


def printed(cell: dict[str, object]) -> str:
    """What a cell writes to stdout; anything else that it gives makes the comparison fail."""
    outputs = cell.get("outputs", [])
    assert isinstance(outputs, list)
    assert {output["output_type"] for output in outputs} <= {"stream"}, outputs
    return "".join(output["text"] for output in outputs if output["name"] == "stdout")


def test_every_cell_prints_what_the_page_shows(
    embedded_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Jupyter's own
        from nbclient import NotebookClient

        (tmp_path / "qa").symlink_to(embedded_bundle)  # what the first cell takes half a minute for
        for variable in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
            monkeypatch.setenv(variable, str(tmp_path / "jupyter"))
        shown = nbformat.read(NOTEBOOK, as_version=4)
        run = nbformat.read(NOTEBOOK, as_version=4)
        NotebookClient(run, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [cell for cell in run.cells if cell.cell_type == "code"]
    pages = [cell for cell in shown.cells if cell.cell_type == "code"]
    assert [printed(cell) for cell in cells] == [printed(cell) for cell in pages]
    assert all(printed(cell) for cell in pages), "a cell whose output the page does not show"
