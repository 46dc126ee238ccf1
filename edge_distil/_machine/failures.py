"""What the inference libraries raise, and what they would: C++ has one kind of error for all."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from edge_distil._reading.printable import first_line
from edge_distil.errors import OutOfMemory, SessionError

NO_PADDING = "takes_no_padding"  # in the names of a fused graph's operators that refuse it


def lacks_memory(error: Exception) -> bool:
    """Return whether memory is what failed: C++ has one word for it, each allocator its own.

    >>> lacks_memory(RuntimeError("std::bad_alloc"))
    True
    """
    words = ("bad_alloc", "bad allocation", "allocate memory", "allocation failed")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def no_memory_to_run(model: object, shape: tuple[int, ...]) -> OutOfMemory:
    """Return the error for a batch that there is not the memory for."""
    return OutOfMemory(
        f"there is not the memory to run {model} with inputs of shape {shape}: "
        "free some, raise the limit (ulimit -v), or give fewer texts at once"
    )


def failed_run(model: object, shape: tuple[int, ...], error: Exception) -> SessionError:
    """Return the error for a batch that onnxruntime failed on."""
    if NO_PADDING in str(error):
        return SessionError(
            f"{model} takes no padding, got masked tokens in inputs of shape {shape}: give rows of "
            "one length, or load the variant that it was made of"
        )
    return SessionError(
        f"onnxruntime failed on {model} with inputs of shape {shape}: {first_line(error)}"
    )


def check_inputs(model: object, inputs: Collection[str]) -> None:
    """Raise unless a model takes something.

    Raises:
        SessionError: It does not.
    """
    if not inputs:
        raise SessionError(
            f"{model} takes no input, expected token ids: copy or export the bundle again"
        )


def check_fed(model: object, inputs: Iterable[str], fed: Collection[str]) -> None:
    """Raise unless a model is fed all that it takes.

    Args:
        model: Its path, or what it is called.
        inputs: Names of the inputs that it takes.
        fed: Names of those that it is given.

    Raises:
        SessionError: One is missing.
    """
    if missing := set(inputs) - set(fed):
        raise SessionError(
            f"{model} takes the input {', '.join(sorted(missing))}, which the tokenizer "
            f"does not give (it gives {', '.join(fed)}): export the checkpoint again"
        )
