"""The environment with the extra [openvino], for the tests of that engine; made once, 600 MB."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

from edge_distil import hardware
from environments import clean_variables, project_environment

HAS_BF16 = bool({"AVX-512 BF16", "AMX BF16"} & set(hardware.cpu_features()))
needs_bf16 = pytest.mark.skipif(not HAS_BF16, reason="this processor has no bf16")


@cache
def python() -> Path:
    return project_environment("openvino")


def call(*words: str | Path) -> str:
    done = subprocess.run(
        [str(python()), "-P", *map(str, words)],
        capture_output=True,
        text=True,
        env={**clean_variables(), "OMP_NUM_THREADS": "2"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
