"""The student's directory: a checkpoint like any other, with a card and a record."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from edge_distil._reading import sentence_modules
from edge_distil._reading.sentence_settings import NAMES as SETTINGS_NAMES
from edge_distil._writing import ownership
from edge_distil.errors import BundleExists, InputError

RECORD = "edge_distil_student.json"
_TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model",
    "sentencepiece.model", "spm.model", "tokenizer.model",
)  # fmt: skip
_SENTENCE = ("modules.json", "config_sentence_transformers.json", *SETTINGS_NAMES)
_OWN = (
    RECORD, "README.md", "config.json", "model*.safetensors*", *_TOKENIZER, *_SENTENCE,
    "*_*/config.json", ".edge_distil.*",
)  # fmt: skip


def check_student(folder: Path) -> None:
    """Agree that a directory is replaced if it is a student and nothing else.

    Raises:
        BundleExists: It is none, or holds files of others.
    """
    if folder.is_dir() and not (folder / RECORD).is_file():
        raise BundleExists(
            f"{folder} is not empty and holds no student (it has no {RECORD}): --force replaces a "
            "student or an empty directory and nothing else; choose another directory"
        )
    ownership.check_replaceable(folder, _OWN, "a student")


def check_apart(teacher: Path, output: Path) -> None:
    """Check that a student neither takes the place of what it is made from nor lies in it.

    Raises:
        InputError: It would.
    """
    given, made = (Path(os.path.realpath(path)) for path in (teacher, output))
    if made == given or made in given.parents or given in made.parents:
        where = "is" if made == given else "holds" if made in given.parents else "is inside"
        raise InputError(
            f"the output {output} {where} {teacher}, which the student is made from: choose "
            "another directory"
        )


def copy_tokenizer(source: Path, target: Path, *, distilbert: bool) -> None:
    """Copy what stands beside a checkpoint's weights: tokenizer, and sentence-transformers' files.

    Args:
        source: The checkpoint that the student begins as.
        target: The student's directory.
        distilbert: It is a DistilBERT of a BERT, and takes no token types.
    """
    for name in (*_TOKENIZER, *_SENTENCE):
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    if not (target / "tokenizer.json").is_file():
        from transformers import AutoTokenizer

        AutoTokenizer.from_pretrained(source, local_files_only=True).save_pretrained(target)
    if sentence_modules.is_sentence_model(source):
        for entry in json.loads((source / "modules.json").read_text(encoding="utf-8")):
            if entry["path"] and (source / entry["path"]).is_dir():  # a Normalize may have none
                shutil.copytree(source / entry["path"], target / entry["path"])
    if distilbert:
        _without_token_types(target / "tokenizer_config.json")


def _without_token_types(file: Path) -> None:
    config = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    config["model_input_names"] = ["input_ids", "attention_mask"]
    if str(config.get("tokenizer_class", "")).startswith("Bert"):
        config["tokenizer_class"] = f"Distil{config['tokenizer_class']}"
    write_json(file, config)


def write_json(file: Path, value: Any) -> None:
    """Write a JSON document for people, too."""
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
