"""Whole data sets, which are never committed: EDGE_DISTIL_DATA names the folder that has them.

    EDGE_DISTIL_DATA=path/to/data make test-all

The folder holds ``squad/{train,dev}.json`` (SQuAD v1.1's development set, split by article),
``tokens/`` (all its questions with the ids of another implementation), ``mlperf_mobile/`` (MLPerf
Mobile's featurised SQuAD) and ``stsb/stsb-en-dev.csv``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = os.environ.get("EDGE_DISTIL_DATA", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.skipif(not FOLDER, reason="EDGE_DISTIL_DATA is not set"))


@pytest.fixture(scope="session")
def data() -> Path:
    return Path(FOLDER)
