"""Keep the libraries' chatter off the user's terminal while a student is trained, and only then."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence progress bars and logs of transformers; errors come through as they are.

    Everything is put back on leaving.
    """
    from transformers.utils import logging

    bar_on, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="torch|transformers|accelerate")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bar_on:
            logging.enable_progress_bar()
