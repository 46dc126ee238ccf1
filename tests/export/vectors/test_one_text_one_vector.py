"""A text's vector is the same, bit for bit, whatever is embedded beside it and however."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shelf

import edge_distil as ed

pytestmark = pytest.mark.wide

WORDS = "the keeper of a light on the far shore reads by lamp and writes down every storm".split()


@pytest.fixture(scope="module")
def bundle(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = shelf.export(minilm, tmp_path_factory.mktemp("minilm") / "bundle")
    return shelf.quantize(made, "int8", calibrate=False).path


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_no_neighbour_batch_or_thread_moves_a_bit(variant: str, bundle: Path) -> None:
    generator = np.random.default_rng(2018)
    lengths = [*range(0, 60, 3), *generator.integers(60, 300, 8)]  # words; to beyond 256 tokens
    texts = [" ".join(generator.choice(WORDS, count)) for count in lengths]
    one = ed.Embedding.load(bundle, variant=variant, threads=1)
    alone = np.stack([one.encode(text) for text in texts])
    shuffled = generator.permutation(len(texts))
    for threads in (1, 2):
        task = ed.Embedding.load(bundle, variant=variant, threads=threads)
        assert np.array_equal(task.encode(texts, batch_size=3), alone)
        mixed = task.encode([texts[index] for index in shuffled])
        assert np.array_equal(mixed, alone[shuffled])
    several = texts * 4  # long work, which runs side by side
    assert np.array_equal(task.encode(several), np.tile(alone, (4, 1)))
    assert task.encoder.bulk.workers == 2
