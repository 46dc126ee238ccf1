"""What the inference libraries raise, and what they would: C++ has one kind of error for all."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from edge_distil.errors import SessionError


def lacks_memory(error: Exception) -> bool:
    """Return whether memory is what failed: C++ has one word for it, each allocator its own.

    >>> lacks_memory(RuntimeError("std::bad_alloc"))
    True
    """
    words = ("bad_alloc", "bad allocation", "allocate memory", "allocation failed")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


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
