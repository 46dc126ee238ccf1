"""What the documents' commands name, small: checkpoints, bundles, data, and a hub's cache of them.

Models are seeded and tiny. In a furnished folder a command is typed as it stands in a document.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import distil_data
import numpy as np
import tiny as checkpoints
from safetensors.numpy import save_file

from edge_distil_bench.records import read_measurements, write_measurements

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "tests" / "golden" / "tiny"
MEASURED = REPOSITORY / "apps" / "reports" / "xeon-2-cores" / "measurements.json"
HUB = "hub"  # HF_HOME below the folder
_QA, _CLASSES = "question-answering", "text-classification"
_NLI = {"id2label": {0: "contradiction", 1: "entailment", 2: "neutral"}}
# Hub id -> family, task, options.
_ON_THE_HUB = {
    "distilbert/distilbert-base-cased-distilled-squad": ("distilbert", _QA, {}),
    "distilbert/distilbert-base-uncased-distilled-squad": ("distilbert", _QA, {}),
    "sentence-transformers/all-MiniLM-L6-v2": ("bert", "feature-extraction", {}),
    "cross-encoder/ms-marco-MiniLM-L6-v2": ("bert", _CLASSES, {"num_labels": 1}),
    "cross-encoder/nli-distilroberta-base": ("roberta", _CLASSES, _NLI),
}
_COLBERT = "lightonai/GTE-ModernColBERT-v1"
_SPLADE = "naver/splade-v3"
_REVISION = "0" * 40
_TEXTS = "Ada keeps the light.\nA storm, and a lamp.\nThe ship sat on the sea.\n"


def make(folder: Path) -> None:
    """Make all of it in a folder that is not there yet."""
    folder.mkdir(parents=True)
    _make_checkpoints(folder)
    _make_bundles(folder)
    _make_texts(folder)
    _make_measurements(folder)


def _make_checkpoints(folder: Path) -> None:
    for place in ("apps/models/minilm-l6-squad", "MODEL", "model", "student"):
        checkpoints.save_checkpoint(folder / place, "bert", _QA, max_position_embeddings=384)
    checkpoints.save_checkpoint(folder / "swag-bert", "bert", checkpoints.CHOOSER)
    for place in ("teacher", "qa-teacher"):
        checkpoints.save_checkpoint(folder / place, "bert", _QA, num_hidden_layers=7)
    for name, (family, task, options) in _ON_THE_HUB.items():
        checkpoints.save_checkpoint(_cached(folder, name), family, task, **options)
    _make_table(folder / "potion-base-8M")
    _make_colbert(_cached(folder, _COLBERT))
    _make_splade(_cached(folder, _SPLADE))


def _cached(folder: Path, name: str) -> Path:
    """Return where the hub's cache has a checkpoint."""
    cache = folder / HUB / "hub" / f"models--{name.replace('/', '--')}"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(_REVISION)
    return cache / "snapshots" / _REVISION


def _make_colbert(folder: Path) -> None:
    """A late-interaction model in PyLate's layout."""
    checkpoints.save_checkpoint(folder, "bert", "feature-extraction")
    kinds = {"": "sentence_transformers.models.Transformer", "1_Dense": "pylate.models.Dense.Dense"}
    modules = [
        {"name": str(number), "path": path, "type": kind}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    about = {"model_type": "ColBERT", "query_prefix": "[Q] ", "document_prefix": "[D] "}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(about))
    (folder / "1_Dense").mkdir()
    sizes = {"in_features": 32, "out_features": 16, "bias": False}
    activation = {"activation_function": "torch.nn.modules.linear.Identity"}
    (folder / "1_Dense" / "config.json").write_text(json.dumps({**sizes, **activation}))
    weight = np.random.default_rng(7).normal(size=(16, 32)).astype(np.float32)
    save_file({"linear.weight": weight}, folder / "1_Dense" / "model.safetensors")


def _make_splade(folder: Path) -> None:
    """A sparse model in the layout of sentence-transformers before its release 5.4."""
    checkpoints.save_checkpoint(folder, "bert", "fill-mask")
    package = "sentence_transformers.sparse_encoder.models"
    kinds = {"": f"{package}.MLMTransformer", "1_SpladePooling": f"{package}.SpladePooling"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": kind}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    about = {"model_type": "SparseEncoder"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(about))
    (folder / "1_SpladePooling").mkdir()
    (folder / "1_SpladePooling" / "config.json").write_text('{"pooling_strategy": "max"}')


def _make_table(folder: Path) -> None:
    """Static embeddings in model2vec's layout, of as many numbers as `int8` takes."""
    folder.mkdir()
    tokenizer = checkpoints.wordpiece()
    tokenizer.save(str(folder / "tokenizer.json"))
    random = np.random.default_rng(7)
    table = random.normal(size=(tokenizer.get_vocab_size(), 128)).astype(np.float32)
    save_file({"embeddings": table}, folder / "model.safetensors")
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": True}
    (folder / "config.json").write_text(json.dumps(config))


def _make_bundles(folder: Path) -> None:
    from edge_distil_export import export_bundle
    from edge_distil_quantize import quantize_bundle

    shutil.copytree(TINY / "embedding", folder / "minilm")
    shutil.copytree(TINY / "static_embedding", folder / "potion")
    shutil.copytree(TINY / "multiple_choice", folder / "swag")
    shutil.copytree(TINY / "sparse_embedding", folder / "splade")
    qa = export_bundle(folder / "model", folder / "qa")
    quantize_bundle(qa, "int8", calibrate=False)
    hub = folder / HUB / "hub"
    for name, place in (
        ("ms-marco-MiniLM-L6-v2", "cross-encoder"),
        ("nli-distilroberta-base", "nli"),
    ):
        cached = hub / f"models--cross-encoder--{name}" / "snapshots" / _REVISION
        export_bundle(cached, folder / place)
    colbert = hub / f"models--{_COLBERT.replace('/', '--')}" / "snapshots" / _REVISION
    export_bundle(colbert, folder / "colbert")


def _make_texts(folder: Path) -> None:
    distil_data.squad(folder / "train.json")
    distil_data.squad(folder / "dev.json", questions=8)
    learnt = distil_data.read_back(folder / "train.json")
    (folder / "texts.txt").write_text("".join(f"{text}\n" for row in learnt for text in row))
    (folder / "passages.txt").write_text(_TEXTS)
    rows = ("Ada keeps it.,A lamp.,1\n", "The sea.,The ship sat on the sea.,4.5\n")
    (folder / "stsb-en-dev.csv").write_text("".join(rows))
    question = {"prompt": "Ada keeps", "choices": ["the light.", "a storm."], "label": 0}
    (folder / "questions.jsonl").write_text(json.dumps(question) + "\n")
    (folder / "book.txt").write_text(_TEXTS * 100)
    (folder / "posts.jsonl").write_text(json.dumps({"id": 1, "body": "a storm – ≈ 3"}) + "\n")
    (folder / "docs").mkdir()
    (folder / "docs" / "progress.md").write_text("# tqdm\n\nIt prints the bar to stderr – €.\n")


def _make_measurements(folder: Path) -> None:
    """Of one device, under the names that the documents give to those of several."""
    measured = read_measurements(MEASURED)
    for name in ("out/measurements", "phones/a", "phone", "laptop", "laptop/measurements",
                 "phone/measurements"):  # fmt: skip
        file = folder / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        write_measurements(replace(measured, device=f"device {name}"), file)
