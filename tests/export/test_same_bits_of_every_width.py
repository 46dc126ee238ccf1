"""An answer is the same, bit for bit, alone and in company: models of many widths, every task."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest
from late_interaction.checkpoints import FIXED, native
from same_bits import WORDS, differences
from tiny import save_checkpoint

import edge_distil as ed
from edge_distil_export import export_bundle
from edge_distil_quantize import fuse_variant, quantize_bundle

# Hidden size, heads; int8 wants matrices of 32 columns.
WIDTHS = [
    (8, 2), (12, 3), (16, 4), (20, 5), (24, 4), (32, 4), (40, 5), (48, 4), (64, 2), (96, 4),
    (128, 8),
]  # fmt: skip
TASKS = (
    "feature-extraction", "fill-mask", "question-answering", "text-classification",
    "token-classification", "late-interaction",
)  # fmt: skip


def sentence_model(folder: Path, base: Path, hidden: int) -> Path:
    """Put a mean over the tokens behind an encoder, which its graph then takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer, models

        encoder = models.Transformer(str(base), max_seq_length=64)
        pooling = models.Pooling(hidden, pooling_mode="mean")
        SentenceTransformer(modules=[encoder, pooling], device="cpu").save(str(folder))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("hidden", "heads"), WIDTHS)
def test_no_width_moves_a_bit(hidden: int, heads: int, task: str, tmp_path: Path) -> None:
    sizes = {"hidden_size": hidden, "num_attention_heads": heads, "intermediate_size": 2 * hidden}
    head = "feature-extraction" if task == "late-interaction" else task
    checkpoint = save_checkpoint(tmp_path / "checkpoint", "bert", head, **sizes)
    if task == "late-interaction":
        dense = ({"out_features": hidden // 2},)
        checkpoint = native(tmp_path / "late", checkpoint, query_expansion=FIXED, dense=dense)
    if task == "feature-extraction":
        checkpoint = sentence_model(tmp_path / "sentences", checkpoint, hidden)
    bundle = export_bundle(checkpoint, tmp_path / "bundle")
    variants = ["fp32"]
    if hidden >= 32:
        quantize_bundle(bundle, "int8", calibrate=False)
        variants.append("int8")
    if task != "late-interaction":  # whose queries have masked tokens
        for variant in list(variants):
            fuse_variant(bundle, variant)
            variants.append(f"{variant}-fused")
    generator = random.Random(hidden)
    texts = [
        " ".join(generator.choice(WORDS) for _ in range(generator.randint(0, 50)))
        for _ in range(40)
    ]
    for variant in variants:
        for threads in (1, 2):
            opened = ed.load(tmp_path / "bundle", variant=variant, threads=threads)
            if task == "fill-mask":  # beyond the model's length a mask is refused
                texts = [text[:40] for text in texts]
            assert differences(opened, texts, generator) == []
            assert not opened.encoder.moves_alone
