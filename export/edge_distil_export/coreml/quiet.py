"""coremltools without what it prints on a machine that is no Mac."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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

            yield coremltools
        finally:
            logging.root.disabled = root
            logger.setLevel(level)
