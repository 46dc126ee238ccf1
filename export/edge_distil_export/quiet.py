"""Keep third-party chatter off the user's terminal while it works, and only then."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Loggers that comment on their own internals; errors still come through.
_CHATTY = (
    "torch.onnx",
    "torch.export",
    "torch._export",
    "onnxscript",
    "onnx_ir",
    "huggingface_hub",
)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence progress bars, logs below ERROR and warnings of the libraries that export.

    Whoever calls `export_bundle` has no use for "torchvision is not installed" or for a bar per
    loaded tensor; what matters to them is raised as an error. Everything is put back on leaving.
    """
    with warnings.catch_warnings(), _no_progress_bars(), _errors_only():
        # torch.export pickles tree specs that its own next release deprecates.
        warnings.filterwarnings("ignore", category=FutureWarning, module="copyreg|torch")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch|onnx")
        yield


@contextmanager
def _errors_only() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in _CHATTY}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # lazy re-exports
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from transformers.utils import logging as hf_logging

    hub_off = are_progress_bars_disabled()
    bar_on, verbosity = hf_logging.is_progress_bar_enabled(), hf_logging.get_verbosity()
    disable_progress_bars()
    hf_logging.disable_progress_bar()
    hf_logging.set_verbosity_error()
    try:
        yield
    finally:
        hf_logging.set_verbosity(verbosity)
        if bar_on:
            hf_logging.enable_progress_bar()
        if not hub_off:
            enable_progress_bars()
