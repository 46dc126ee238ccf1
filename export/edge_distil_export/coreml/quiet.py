"""coremltools without what it prints on a machine that is no Mac."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partialmethod
from typing import Any


@contextmanager
def _no_bars() -> Iterator[None]:
    """Let tqdm, which coremltools has no switch for, draw nothing inside the block."""
    from tqdm import tqdm

    original = tqdm.__init__
    tqdm.__init__ = partialmethod(original, disable=True)
    try:
        yield
    finally:
        tqdm.__init__ = original


@contextmanager
def quiet_coremltools() -> Iterator[Any]:
    """Yield coremltools, silent: it warns of every newer package and of the missing framework.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    logger = logging.getLogger("coremltools")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL)
        root, logging.root.disabled = logging.root.disabled, True
        try:
            import coremltools

            with _no_bars():
                yield coremltools
        finally:
            logging.root.disabled = root
            logger.setLevel(level)
