"""A checkpoint directory that is read, and another one that is written beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers

from edge_distil._reading.printable import first_line
from edge_distil._reading.sentence_modules import transformer_folder
from edge_distil._writing import ownership, staging
from edge_distil.errors import CheckpointError, InputError
from edge_distil_distil.quiet import quiet_libraries

_WEIGHTS = (
    "*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json", "*.h5", "*.msgpack",
    "*.onnx", "*.ot", "*.pt", "*.ckpt*",
)  # fmt: skip
_OTHER = ("onnx", "openvino", "coreml", "original", ".git", ".cache")  # copies of the weights
RECORD = "smaller.json"  # what was made here, and the sign that a directory is ours


@dataclass
class Checkpoint:
    """A transformers model and its tokenizer, from a directory.

    Attributes:
        root: The directory.
        folder: That of the transformer: `root`, or a folder in it (sentence-transformers).
        model: In evaluation mode, in the precision of its file.
        tokenizer: Of the transformers library, with a ``backend_tokenizer``.
        absent: Weights that the file lacks and the class made up, such as an unused pooler.
    """

    root: Path
    folder: Path
    model: Any
    tokenizer: Any
    absent: frozenset[str]


def read(root: Path, dtype: torch.dtype | str = "auto") -> Checkpoint:
    """Read a checkpoint directory.

    Args:
        root: What ``save_pretrained`` or sentence-transformers wrote.
        dtype: Of the weights; ``"auto"`` leaves that of the file.

    Raises:
        CheckpointError: It cannot be read, or its tokenizer has no ``tokenizer.json`` form.
    """
    if not root.is_dir():
        raise CheckpointError(
            f"there is no directory {root}, expected a checkpoint: check the path"
        )
    folder = transformer_folder(root)
    try:
        with quiet_libraries():
            config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
            names = getattr(config, "architectures", None) or ["AutoModel"]
            cls = getattr(transformers, names[0], transformers.AutoModel)
            model, report = cls.from_pretrained(
                folder, dtype=dtype, local_files_only=True, output_loading_info=True,
                attn_implementation="eager",
            )  # fmt: skip
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # third-party code: any kind, and each means "cannot be read"
        raise CheckpointError(
            f"{root} cannot be read as a checkpoint ({type(error).__name__}: "
            f"{first_line(error)}): give what save_pretrained wrote"
        ) from error
    if not getattr(tokenizer, "is_fast", False):
        raise CheckpointError(
            f"{root}'s tokenizer ({type(tokenizer).__name__}) has no tokenizer.json and cannot be "
            "converted to one: choose a checkpoint with a fast tokenizer"
        )
    return Checkpoint(root, folder, model.eval(), tokenizer, frozenset(report["missing_keys"]))


@contextmanager
def written_beside(source: Path, output: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a directory that takes its place at `output` when all went well.

    Raises:
        BundleExists: `output` holds something that is not to be replaced.
        InputError: `output` is the checkpoint, or the one is in the other.
        StorageError: `output` cannot be written.
    """
    ends = source.resolve(), output.resolve()
    if any(one == other or one in other.parents for one, other in (ends, ends[::-1])):
        raise InputError(
            f"the output {output} and the checkpoint {source} lie in one another, expected two "
            "directories apart: choose another output"
        )
    with staging.staged_directory(output, replaceable=_check if overwrite else None) as staged:
        yield staged


def _check(folder: Path) -> None:
    """Agree to replace what was made here, as its record says."""
    recorded = _files(folder / RECORD)
    ownership.check_replaceable(
        folder,
        lambda name: name in recorded or name.startswith(".edge_distil."),  # a lock
        "a checkpoint made by it",
    )


def _files(record: Path) -> frozenset[str]:
    try:
        return frozenset([*json.loads(record.read_text(encoding="utf-8"))["files"], RECORD])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def copy_others(source: Checkpoint, staged: Path) -> Path:
    """Copy all but the weights.

    Returns:
        The folder of the transformer in `staged`.
    """
    inside = source.folder.relative_to(source.root)

    def left_out(folder: str, names: list[str]) -> set[str]:
        weights = shutil.ignore_patterns(*_WEIGHTS)(folder, names)
        # Dense modules of sentence-transformers have weights of their own, which stay.
        mine = set(weights) if Path(folder) == source.folder else set()
        return mine | {name for name in names if name in _OTHER or name == RECORD}

    shutil.copytree(source.root, staged, dirs_exist_ok=True, ignore=left_out)
    return staged / inside


def write_weights(source: Checkpoint, folder: Path) -> None:
    """Write the model's weights as safetensors, without those that the file did not have."""
    state = {k: v for k, v in source.model.state_dict().items() if k not in source.absent}
    with TemporaryDirectory(dir=folder) as made, quiet_libraries():
        source.model.save_pretrained(made, state_dict=state)
        for path in Path(made).glob("*.safetensors*"):
            shutil.copymode(folder / "config.json", path)  # safetensors writes for its user alone
            path.rename(folder / path.name)


def stored_dtype(source: Checkpoint) -> torch.dtype:
    """Return the precision of the file's weights."""
    config = json.loads((source.folder / "config.json").read_text(encoding="utf-8"))
    found = getattr(torch, str(config.get("dtype", config.get("torch_dtype"))), None)
    return found if isinstance(found, torch.dtype) else torch.float32


def rewrite_config(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change ``config.json`` and leave the rest of it as it is written."""
    path = folder / "config.json"
    changed = change(json.loads(path.read_text(encoding="utf-8")))
    path.write_text(json.dumps(changed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def record(staged: Path, what: dict[str, Any]) -> None:
    """Say in the directory what was made, and which files are part of it."""
    files = sorted(p.relative_to(staged).as_posix() for p in staged.rglob("*") if p.is_file())
    text = json.dumps({**what, "files": files}, indent=2, ensure_ascii=False)
    (staged / RECORD).write_text(text + "\n", encoding="utf-8")


def weight_bytes(folder: Path) -> int:
    """Return the size of a checkpoint's weights."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
