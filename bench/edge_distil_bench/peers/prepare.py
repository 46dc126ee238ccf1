"""From a checkpoint to a peer that is ready to be measured; what was converted is kept."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_distil._machine.engines import available
from edge_distil._writing import staging, storage
from edge_distil.bundle import Bundle
from edge_distil.encoder import open_encoder
from edge_distil.errors import BenchmarkError, InputError, SessionError
from edge_distil_bench.peers.peer import Wanted, isolation, optimum_flag, release
from edge_distil_bench.protocol.processes import Participant
from edge_distil_bench.records import Model

_HERE = Path(__file__).parent
_CONVERT_SECONDS = 1800
_CACHE_SIZE = 8  # bytes of the hash that names a converted model
# Nothing is fetched behind the user's back, and no client reports home.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
_WEIGHTS = ("*.safetensors", "*.bin")


@dataclass(frozen=True)
class Origin:
    """What peers are made from, and how they are run.

    Attributes:
        bundle: What our engine runs.
        checkpoint: Its directory; ``None`` where no peer needs it.
        name: Begins the ids of the models: ``"qa"`` gives ``"qa/torch"`` and ``"qa/torch:int8"``.
        threads: Of the engine.
        work: Folder in which converted models are kept.
        trained: See `Model.trained`.
    """

    bundle: Bundle
    checkpoint: Path | None
    name: str
    threads: int
    work: Path
    trained: bool = True


@dataclass(frozen=True)
class Prepared:
    """A peer's model, and how it takes part."""

    model: Model
    participant: Participant


def find_checkpoint(bundle: Bundle, given: Path | None) -> Path:
    """Return the directory of a bundle's checkpoint.

    Args:
        bundle: The bundle.
        given: The user's ``--checkpoint``; else the manifest's origin, where it is still there.

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


def prepare(wanted: Wanted, origin: Origin, note: Callable[[str], None]) -> list[Prepared]:
    """Make a peer ready in each precision wanted.

    Args:
        wanted: The peer.
        origin: What it is made from.
        note: Told what takes long.

    Raises:
        InputError: The bundle's graph takes ``position_ids``, which no peer is given.
        MissingExtra: It is not installed.
        BenchmarkError: Its own tools cannot convert the model.
    """
    if origin.bundle.manifest.first_position is not None:
        raise InputError(
            f"{origin.bundle.path} takes position_ids, which other engines are not given: export "
            "it without --position-ids"
        )
    engine = release(wanted)
    return [_prepared(wanted, engine, origin, precision, note) for precision in wanted.precisions]


def _prepared(
    wanted: Wanted, engine: str, origin: Origin, precision: str, note: Callable[[str], None]
) -> Prepared:
    model = _model(wanted, engine, origin, precision, note)
    settings = {
        "engine": wanted.peer.name,
        "precision": precision,
        "task": origin.bundle.manifest.task,
        "inputs": origin.bundle.manifest.inputs,
        "threads": origin.threads,
        "model": str(model),
    }
    script = str(_HERE / "worker.py")
    command = (wanted.python, *isolation(wanted.python), script, json.dumps(settings))
    plain = precision == "fp32" and not wanted.peer.others
    variant = wanted.peer.name + ("" if plain else f":{precision}")
    ours = _engine(wanted, variant, origin, note)
    record = Model(
        id=f"{origin.name}/{variant}",
        model=origin.name,
        variant=variant,
        engine=engine,
        trained=origin.trained,
        bytes=None if wanted.peer.quantizes_at_load and precision != "fp32" else _size(model),
        options={
            "threads": origin.threads,
            "batch": 1,
            "remark": _remark(wanted, precision),
            **({"engine": ours} if ours else {}),
        },
    )
    participant = Participant(record.id, command, origin.threads, environment=_OFFLINE)
    return Prepared(record, participant)


def _engine(wanted: Wanted, name: str, origin: Origin, note: Callable[[str], None]) -> str | None:
    """Return the name by which `edge_distil.load` would run the bundle on this peer, if it does."""
    if name not in available() or wanted.python != sys.executable:
        return None
    try:
        open_encoder(origin.bundle.path, variant="fp32", engine=name, threads=origin.threads)
    except SessionError as error:
        note(str(error))
        return None
    return name


def _remark(wanted: Wanted, precision: str) -> str:
    if wanted.peer.name == "optimum" and precision == "int8":
        return f"{wanted.peer.remark}, --{optimum_flag()}"
    if precision == "bf16":  # what it does by itself where the processor has it
        return wanted.peer.remark.replace("f32 forced", "in bfloat16")
    return wanted.peer.remark


def _model(
    wanted: Wanted, engine: str, origin: Origin, precision: str, note: Callable[[str], None]
) -> Path:
    """Return what the engine opens, converted where it must be."""
    if not wanted.peer.needs_checkpoint:
        return origin.bundle.model_path("fp32")
    assert origin.checkpoint is not None  # find_checkpoint has been asked for these peers
    if not wanted.peer.converts:
        return origin.checkpoint
    task, base = origin.bundle.manifest.task, []
    if wanted.peer.name == "optimum" and precision == "int8":
        base = [_model(wanted, engine, origin, "fp32", note)]
        precision = optimum_flag()
    key = _key(engine, task, precision, origin.checkpoint)
    target = origin.work / "peers" / f"{wanted.peer.name}-{precision}-{key}"
    if not target.is_dir():
        note(f"making {wanted.peer.name}'s {precision} model, kept in {target}")
        with staging.staged_directory(target) as staged:
            _convert(wanted, [origin.checkpoint, staged, task, precision, *base])
    return target


def _convert(wanted: Wanted, words: Sequence[str | Path]) -> None:
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


def _size(model: Path) -> int:
    """Return the bytes of the model file; of a folder, those of its ONNX files or else weights."""
    if model.is_file():
        return model.stat().st_size
    files = sorted(model.glob("*.onnx")) or _weights(model)
    return sum(file.stat().st_size for file in files)
