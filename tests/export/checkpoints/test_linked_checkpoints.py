"""A checkpoint whose directory is links to files elsewhere, as on a shared disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from originals import TEXTS, library
from tiny import save_sentence_model

import edge_distil as ed
from edge_distil._reading.sentence_modules import read_sentence_modules
from edge_distil.errors import BundleCorrupt
from edge_distil_export import export_bundle

pytestmark = pytest.mark.wide


@pytest.fixture
def linked(checkpoint: Callable[..., Path], tmp_path: Path) -> Path:
    """Links by way of further links, and a folder that is one."""
    base = checkpoint("bert", "feature-extraction")
    store = save_sentence_model(tmp_path / "store", base, "mean", normalize=True, dense=True)
    middle, folder = tmp_path / "middle", tmp_path / "linked"
    for place, target in ((middle, store), (folder, middle)):
        place.mkdir()
        for path in target.iterdir():
            (place / path.name).symlink_to(os.path.relpath(path, place))
    return folder


def test_the_bundle_holds_plain_copies(linked: Path, tmp_path: Path) -> None:
    bundle = export_bundle(linked, tmp_path / "bundle").path
    assert not [path for path in bundle.rglob("*") if path.is_symlink()]
    expected = library(linked).encode(TEXTS)
    shutil.rmtree(tmp_path / "store")  # nothing of it is needed now
    np.testing.assert_allclose(ed.Embedding.load(bundle).encode(TEXTS), expected, rtol=0, atol=1e-5)


def test_files_that_link_out_of_a_linked_folder(linked: Path, tmp_path: Path) -> None:
    pooling = tmp_path / "store" / "1_Pooling" / "config.json"
    pooling.rename(tmp_path / "pooling.json")
    pooling.symlink_to(tmp_path / "pooling.json")
    bundle = export_bundle(linked, tmp_path / "bundle").path
    assert not [path for path in bundle.rglob("*") if path.is_symlink()]


def test_links_are_trusted_while_an_export_reads_them_alone(linked: Path, tmp_path: Path) -> None:
    """The runtime, which may read anybody's files, refuses before and after."""
    for output in ("one", "two"):
        with pytest.raises(BundleCorrupt, match="is a link that leads out"):
            read_sentence_modules(linked)
        export_bundle(linked, tmp_path / output)
