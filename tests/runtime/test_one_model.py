"""One object runs one model: what was opened, whatever happens to its folder afterwards."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edge_distil as ed
from edge_distil.errors import SessionError
from edge_distil.session import OnnxSession

Copy = Callable[[str], Path]

# Long enough that a session for long work is opened.
TEXTS = [f"the {word} sat on the sea and Ada was in Bern" for word in ("ship", "cat")] * 500

SAME = 1e-6  # fp32 sums in another order; int8's numbers differ by a thousand times as much


def other_model(bundle: Path) -> Path:
    """The int8 variant's file: the same inputs and outputs, other numbers."""
    return bundle / "onnx" / "model_quantized.onnx"


def replace(bundle: Path) -> None:
    os.replace(shutil.copy(other_model(bundle), bundle / "new"), bundle / "onnx" / "model.onnx")


def edit(bundle: Path) -> None:
    (bundle / "onnx" / "model.onnx").write_bytes(other_model(bundle).read_bytes())


def remove(bundle: Path) -> None:
    shutil.rmtree(bundle)


def move(bundle: Path) -> None:
    bundle.rename(bundle.with_name("moved"))


def exchange(bundle: Path) -> None:
    """Another bundle takes its place, as `export --force` does it."""
    new = Path(shutil.copytree(bundle, bundle.with_name("new")))
    edit(new)
    bundle.rename(bundle.with_name("old"))
    new.rename(bundle)


def truncate(bundle: Path) -> None:
    (bundle / "onnx" / "model.onnx").write_bytes(b"")


@pytest.mark.parametrize("change", [replace, edit, remove, move, exchange, truncate])
def test_lists_and_single_texts_run_the_model_that_was_loaded(
    change: Callable[[Path], None], tiny: Path, tiny_copy: Copy
) -> None:
    right = ed.Embedding.load(tiny / "embedding", threads=2).encode(TEXTS)
    bundle = tiny_copy("embedding")
    task = ed.Embedding.load(bundle, threads=2)
    change(bundle)
    with pytest.warns(RuntimeWarning, match="was replaced, edited or moved"):
        np.testing.assert_array_equal(task.encode(TEXTS), right)
    np.testing.assert_allclose(task.encode(TEXTS[0]), right[0], atol=SAME)
    with warnings.catch_warnings():  # once is enough
        warnings.simplefilter("error")
        np.testing.assert_array_equal(task.encode(TEXTS), right)


@pytest.mark.parametrize("change", [replace, remove])
def test_what_happens_after_the_first_list_plays_no_part(
    change: Callable[[Path], None], tiny_copy: Copy
) -> None:
    bundle = tiny_copy("embedding")
    task = ed.Embedding.load(bundle, threads=2)
    right = task.encode(TEXTS)
    change(bundle)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(task.encode(TEXTS), right)


def test_a_relative_path_outlives_the_working_directory(
    tiny_copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tiny_copy("embedding")
    monkeypatch.chdir(bundle.parent)
    task = ed.Embedding.load(bundle.name, threads=2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors = task.encode(TEXTS)
    np.testing.assert_allclose(vectors[0], task.encode(TEXTS[0]), atol=SAME)


def test_a_link_that_points_elsewhere_later_plays_no_part(tiny_copy: Copy, tmp_path: Path) -> None:
    bundle = tiny_copy("embedding")
    link = tmp_path / "current"
    link.symlink_to(bundle)
    task = ed.Embedding.load(link, threads=2)
    other = Path(shutil.copytree(bundle, tmp_path / "other"))
    edit(other)
    link.unlink()
    link.symlink_to(other)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors = task.encode(TEXTS)
    np.testing.assert_allclose(vectors[0], task.encode(TEXTS[0]), atol=SAME)


def test_weights_beside_the_graph_are_part_of_the_model(tiny_copy: Copy) -> None:
    bundle = tiny_copy("embedding")
    weights = bundle / "onnx" / "model.onnx_data"
    weights.write_bytes(b"0")
    session = OnnxSession(bundle / "onnx" / "model.onnx")
    assert session.is_current()
    shutil.copy(other_model(bundle), bundle / "onnx" / "model_q4.onnx")  # a variant is added
    assert session.is_current()
    weights.write_bytes(b"1")
    assert not session.is_current()


def test_a_file_that_is_replaced_while_it_is_loaded_is_noticed(
    tiny_copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    bundle = tiny_copy("embedding")
    load = onnxruntime.InferenceSession

    def slow(*arguments: object, **options: object) -> object:
        session = load(*arguments, **options)  # type: ignore[arg-type]
        edit(bundle)
        return session

    monkeypatch.setattr(onnxruntime, "InferenceSession", slow)
    with pytest.raises(SessionError, match="was replaced while it was loaded"):
        OnnxSession(bundle / "onnx" / "model.onnx")
