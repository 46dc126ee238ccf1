"""Which engine runs a model and in what precision, as a caller names it: ``"openvino:bf16"``."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from typing import Any, NamedTuple

from edge_distil import calls, hardware
from edge_distil._reading.printable import shown
from edge_distil.errors import InputError, SessionError

ONNXRUNTIME, OPENVINO = "onnxruntime", "openvino"
FP32, BF16 = "fp32", "bf16"
# Of `hardware.cpu_features`: what onnxruntime has kernels for, and what OpenVINO has.
_ARM_BF16, _OPENVINOS_BF16 = "Arm BF16", ("AVX-512 BF16", "AMX BF16")
_ARM = ("aarch64", "arm64")
_CORE_ML, _ORT = "coreml", "-ort"  # how the names of variants begin, and end


class Engine(NamedTuple):
    """What runs a model.

    Attributes:
        library: `ONNXRUNTIME` or `OPENVINO`.
        precision: What it computes in: `FP32` or `BF16`.
    """

    library: str = ONNXRUNTIME
    precision: str = FP32

    @property
    def name(self) -> str:
        """As a caller may name it."""
        return f"{self.library}:{self.precision}"


def engine_named(name: str | None) -> Engine:
    """Return the engine that a name stands for; ``None`` is onnxruntime.

    >>> engine_named("openvino:bf16")
    Engine(library='openvino', precision='bf16')

    Raises:
        InputTypeError: It is no text.
        InputError: It stands for none.
    """
    if name is None:
        return Engine()
    library, colon, precision = calls.text(name, "engine").partition(":")
    if library not in (ONNXRUNTIME, OPENVINO) or (colon and precision not in (FP32, BF16)):
        raise InputError(
            f"engine is {shown(name)}, expected {ONNXRUNTIME} or {OPENVINO}, alone or with :{FP32} "
            f"(the same) or :{BF16}: choose one of these"
        )
    return Engine(library, precision or FP32)


def check_types(*, providers: Any, huge_pages: Any, **texts: Any) -> None:
    """Check the types of what `edge_distil.load` takes; ``None`` where an option is not given.

    Raises:
        InputTypeError: One is of another type.
    """
    for option, value in texts.items():
        if value is not None:
            calls.text(value, option)
    for provider in () if providers is None else calls.many(providers, "providers"):
        calls.text(provider, "one of providers")
    if huge_pages is not None:
        calls.flag(huge_pages=huge_pages)


def check_options(name: str | None, variant: str, **options: object) -> Engine:
    """Return the engine for a variant, once what was chosen beside it is that engine's.

    Args:
        name: The engine as the caller names it.
        variant: The variant that it shall run.
        options: ``threads``, ``providers``, ``compute_units``, ``huge_pages``; ``None`` where one
            is not given.

    Raises:
        InputError: An option, or the variant, belongs to another engine.
        SessionError: The precision is none of this processor's.
    """
    engine = engine_named(name)
    given = [option for option, value in options.items() if value is not None]
    if variant.split("-")[0] == _CORE_ML:
        given += [] if name is None else ["engine"]
        _refuse(given, ("threads", "providers", "engine"), f"the variant {variant} runs on Core ML")
        return engine
    if "compute_units" in given:
        raise InputError(
            f"compute_units is {shown(options['compute_units'])}, but the variant {variant} does "
            "not run on Core ML: leave it out, or choose a coreml variant"
        )
    if engine.library == OPENVINO:
        _refuse(given, ("providers", "huge_pages"), f"the model runs on {engine.name}")
        if variant.endswith(_ORT):
            raise InputError(
                f"the variant {variant} is in ONNX Runtime's own format, which {engine.name} does "
                f"not read: choose {variant.removesuffix(_ORT)}, or leave engine out"
            )
    elif engine.precision == BF16:
        _refuse(given, ("providers",), f"{engine.name} is the CPU's")
        _check_bf16()
    return engine


def _onnxruntime_has_bf16() -> bool:
    """Say whether onnxruntime has kernels for bf16 here: those of its "fast math" for Arm."""
    arm = sys.platform == "linux" and platform.machine() in _ARM
    return arm and _ARM_BF16 in hardware.cpu_features()


def _refuse(given: list[str], foreign: tuple[str, ...], why: str) -> None:
    if found := [option for option in given if option in foreign]:
        them = "it" if len(found) == 1 else "them"
        raise InputError(f"{' and '.join(found)} cannot be given, for {why}: leave {them} out")


def _check_bf16() -> None:
    if not _onnxruntime_has_bf16():
        raise SessionError(
            f"onnxruntime has {BF16} kernels for Linux on Arm processors with BF16 only, this is "
            f"{sys.platform} on {platform.machine()} ({bf16_features() or 'no bf16'}): leave "
            f"engine out, or take {OPENVINO}:{BF16} where the processor has it"
        )


def available() -> list[str]:
    """Return the engines that can be chosen here, the default first; none is imported for it."""
    found = [f"{ONNXRUNTIME}:{FP32}"]
    if _onnxruntime_has_bf16():
        found.append(f"{ONNXRUNTIME}:{BF16}")
    if find_spec(OPENVINO) is not None:
        found.append(f"{OPENVINO}:{FP32}")
        if any(name in bf16_features() for name in _OPENVINOS_BF16):
            found.append(f"{OPENVINO}:{BF16}")
    return found


def bf16_features() -> str:
    """Name the instruction sets for bf16 that this processor has; empty where there is none."""
    return ", ".join(name for name in hardware.cpu_features() if "bf16" in name.lower())
