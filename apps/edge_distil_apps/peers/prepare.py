"""From a checkpoint to a peer that is ready to be measured; what was converted is kept."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_distil import storage
from edge_distil.bench.measurements import Model
from edge_distil.bench.processes import Contestant
from edge_distil.bundle import Bundle
from edge_distil.errors import BenchmarkError, InputError
from edge_distil_apps.peers.peer import Wanted, isolation, optimum_flag, release

_HERE = Path(__file__).parent
_CONVERT_SECONDS = 1800
_CACHE_SIZE = 8  # bytes of the hash that names a converted model
# Nothing is fetched behind the user's back, and no client reports home.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_WEIGHTS = ("*.safetensors", "*.bin")


@dataclass(frozen=True)
class Prepared:
    """A peer's model, and how it takes part."""

    model: Model
    contestant: Contestant


def find_checkpoint(bundle: Bundle, given: Path | None) -> Path:
    """Return the directory of a bundle's checkpoint.

    Args:
        bundle: The bundle.
        given: The user's ``--checkpoint``; else the manifest's source, where it is still there.

    Raises:
        InputError: There is no such directory with a checkpoint in it.
    """
    folder = given or Path(bundle.manifest.checkpoint.name)
    if (folder / "config.json").is_file() and _weights(folder):
        return folder.resolve()
    found = f"{folder} is none" if folder.is_dir() else f"there is no directory {folder}"
    raise InputError(
        f"torch, optimum and ctranslate2 start from the checkpoint, and {found}: give "
        "--checkpoint DIR, with config.json and the weights that the bundle was exported from"
    )


def prepare(
    wanted: Wanted,
    bundle: Bundle,
    checkpoint: Path | None,
    *,
    name: str,
    threads: int,
    work: Path,
    note: Callable[[str], None],
) -> list[Prepared]:
    """Make a peer ready in each precision wanted.

    Args:
        wanted: The peer.
        bundle: What our engine runs.
        checkpoint: Its directory; ``None`` where no peer needs it.
        name: Begins the ids of the models: ``"qa"`` gives ``"qa/torch"`` and ``"qa/torch:int8"``.
        threads: Of the engine.
        work: Folder in which converted models are kept.
        note: Told what takes long.

    Raises:
        MissingExtra: It is not installed.
        BenchmarkError: Its own tools cannot convert the model.
    """
    engine = release(wanted)
    found = []
    for precision in wanted.precisions:
        model = _model(wanted, engine, bundle, checkpoint, precision, work, note)
        suffix = "" if precision == "fp32" else f":{precision}"
        found.append(
            _prepared(f"{name}/{wanted.peer.name}{suffix}", wanted, engine, bundle, model,
                      precision, threads)
        )  # fmt: skip
    return found


def _prepared(
    id_: str,
    wanted: Wanted,
    engine: str,
    bundle: Bundle,
    model: Path,
    precision: str,
    threads: int,
) -> Prepared:
    settings = {
        "engine": wanted.peer.name,
        "precision": precision,
        "task": bundle.manifest.task,
        "inputs": bundle.manifest.inputs,
        "threads": threads,
        "model": str(model),
    }
    script = str(_HERE / "worker.py")
    command = (wanted.python, *isolation(wanted.python), script, json.dumps(settings))
    record = Model(
        id=id_,
        model=id_.split("/")[0],
        variant=id_.split("/")[1],
        engine=engine,
        trained=True,
        bytes=_size(model, precision if wanted.peer.name == "optimum" else None),
        options={"threads": threads, "remark": _remark(wanted, precision)},
    )
    return Prepared(record, Contestant(id_, command, threads, environment=_OFFLINE))


def _remark(wanted: Wanted, precision: str) -> str:
    if wanted.peer.name == "optimum" and precision == "int8":
        return f"{wanted.peer.remark}, --{optimum_flag()}"
    return wanted.peer.remark


def _model(
    wanted: Wanted,
    engine: str,
    bundle: Bundle,
    checkpoint: Path | None,
    precision: str,
    work: Path,
    note: Callable[[str], None],
) -> Path:
    """Return what the engine opens, converted where it must be."""
    if not wanted.peer.needs_checkpoint:
        return bundle.model_path("fp32")
    assert checkpoint is not None  # find_checkpoint has been asked for these peers
    if not wanted.peer.converts:
        return checkpoint
    task = bundle.manifest.task
    source: list[Path] = []
    if wanted.peer.name == "optimum" and precision == "int8":
        source = [_model(wanted, engine, bundle, checkpoint, "fp32", work, note)]
        precision = optimum_flag()
    key = _key(engine, task, precision, checkpoint)
    target = work / "peers" / f"{wanted.peer.name}-{precision}-{key}"
    if not target.is_dir():
        note(f"making {wanted.peer.name}'s {precision} model, kept in {target}")
        with storage.staged_directory(target) as staged:
            _convert(wanted, [checkpoint, staged, task, precision, *source])
    return target


def _convert(wanted: Wanted, words: Sequence[str | Path]) -> None:
    import os

    python = wanted.python
    command = [python, *isolation(python), _HERE / "convert.py", wanted.peer.name, *words]
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        env={**os.environ, **_OFFLINE},
        timeout=_CONVERT_SECONDS,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["nothing on stderr"]
        raise BenchmarkError(
            f"{wanted.peer.name} cannot convert {words[0]} ({last[0]}): check the checkpoint, or "
            f"leave --against {wanted.peer.name} out"
        )


def _key(engine: str, task: str, precision: str, checkpoint: Path) -> str:
    digest = hashlib.sha256(json.dumps([engine, task, precision]).encode())
    for file in [checkpoint / "config.json", *_weights(checkpoint)]:
        digest.update(storage.sha256(file).encode())
    return digest.hexdigest()[: 2 * _CACHE_SIZE]


def _weights(folder: Path) -> list[Path]:
    return sorted(file for pattern in _WEIGHTS for file in folder.glob(pattern))


def _size(model: Path, precision: str | None) -> int:
    """Return the bytes of the model file, or of the weights in a folder.

    Args:
        model: File or folder.
        precision: Of optimum, whose folder may hold more than what runs.
    """
    if model.is_file():
        return model.stat().st_size
    patterns = ["*.onnx"] if precision else [*_WEIGHTS]
    return sum({f: f.stat().st_size for p in patterns for f in model.glob(p)}.values())
