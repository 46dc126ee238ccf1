"""Which peers there are, what a user asks for, and whether it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edge_distil import hardware
from edge_distil.errors import InputError, MissingExtra

# The first line drops the working directory, as -P does; a peer's Python may not know -P yet.
_PROBE = (
    "import sys; sys.path[:] = filter(None, sys.path)\n"
    "import json; from importlib import metadata\n"
    "try: print(json.dumps([metadata.version(name) for name in sys.argv[1:]]))\n"
    "except metadata.PackageNotFoundError as error: print(json.dumps(str(error.name)))"
)
_PROBE_SECONDS = 60
# Quantization settings of optimum's command line by what the processor has, the best first.
_OPTIMUM_FLAGS = {
    "AVX-512 VNNI": "avx512_vnni",
    "AVX-512": "avx512",
    "AVX2": "avx2",
    "NEON": "arm64",
}


@dataclass(frozen=True)
class Peer:
    """An engine that is not ours.

    Attributes:
        name: As the command line has it.
        precisions: What it is measured in, ``"fp32"`` and ``"int8"``.
        packages: Distributions that must be installed; the first one's release is named.
        needs_checkpoint: Its model is made from the checkpoint and not from our file.
        converts: Its model is converted first, by convert.py.
        quantizes_at_load: Whether its int8 is made in memory, and no file is of its size.
        others: Precisions that are measured only if they are named.
        remark: What a reader of its row must know.
    """

    name: str
    precisions: tuple[str, ...]
    packages: tuple[str, ...]
    needs_checkpoint: bool = True
    converts: bool = False
    quantizes_at_load: bool = False
    others: tuple[str, ...] = ()
    remark: str = ""

    @property
    def all_precisions(self) -> tuple[str, ...]:
        """All that may be named."""
        return self.precisions + self.others


PEERS = {
    peer.name: peer
    for peer in (
        Peer("torch", ("fp32", "int8"), ("torch", "transformers"), quantizes_at_load=True,
             remark="transformers' model, eager; int8: quantize_dynamic of its linear layers"),
        Peer("optimum", ("fp32", "int8"), ("optimum-onnx", "onnxruntime"), converts=True,
             remark="ORTModel on the files of optimum-cli"),
        Peer("ctranslate2", ("fp32", "int8"), ("ctranslate2", "transformers"), converts=True,
             remark="the plain encoder, without the head"),
        Peer("openvino", ("fp32",), ("openvino",), needs_checkpoint=False, others=("bf16",),
             remark="our fp32 file, compiled for latency, f32 forced"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """A peer as it was asked for.

    Attributes:
        peer: Which.
        precisions: Those wanted.
        python: The interpreter that has it.
    """

    peer: Peer
    precisions: tuple[str, ...]
    python: str = sys.executable


def parse(text: str) -> Wanted:
    """Read ``NAME[:PRECISION][=PYTHON]``.

    >>> parse("torch:int8").precisions
    ('int8',)

    Raises:
        InputError: There is no such peer, precision or interpreter.
    """
    name, _, python = text.partition("=")
    name, _, precision = name.partition(":")
    if name not in PEERS:
        raise InputError(f"there is no peer {name!r}, only {', '.join(PEERS)}: choose one of these")
    peer = PEERS[name]
    if precision and precision not in peer.all_precisions:
        raise InputError(
            f"{name} is not measured in {precision!r}, only in {' and '.join(peer.all_precisions)}"
        )
    found = shutil.which(str(Path(python).expanduser())) if python else sys.executable
    if found is None:
        raise InputError(
            f"{python} is not a program that can be run: give the Python interpreter of the "
            f"environment that has {name}"
        )
    return Wanted(peer, (precision,) if precision else peer.precisions, found)


def release(wanted: Wanted) -> str:
    """Return a peer's name with its release.

    Raises:
        MissingExtra: It is not installed in that interpreter; the message names the command.
    """
    peer = wanted.peer
    command = [wanted.python, *isolation(wanted.python), "-c", _PROBE, *peer.packages]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
    )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        raise InputError(f"{wanted.python} is not a working Python interpreter") from None
    if isinstance(found, list):
        return f"{peer.packages[0]} {found[0]}"
    pip = "pip" if wanted.python == sys.executable else f"{wanted.python} -m pip"
    raise MissingExtra(
        f"--against {peer.name} needs {found}, which is not installed: {pip} install "
        f"{' '.join(peer.packages)}; where that does not go with what you have, install it in an "
        f"environment of its own and give --against {peer.name}=PYTHON"
    )


def isolation(python: str) -> list[str]:
    """Return the option that keeps our environment's variables out of another interpreter.

    Ours keeps them, but not the working directory.
    """
    return ["-P"] if python == sys.executable else ["-E"]


def optimum_flag() -> str:
    """Return the quantization setting of ``optimum-cli`` for this processor.

    Raises:
        InputError: It has none that optimum knows.
    """
    features = hardware.cpu_features()
    for feature, flag in _OPTIMUM_FLAGS.items():
        if feature in features:
            return flag
    raise InputError(
        f"optimum-cli has no int8 setting for this processor ({', '.join(features) or 'unknown'}): "
        "give --against optimum:fp32"
    )
