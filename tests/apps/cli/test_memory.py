"""Memory stays flat while shapes change, and what rests gives its own back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.safety
GROWTH = 3.0  # MB; one forward of the largest shape takes about 60

SCRIPT = """
import ctypes, random, sys
import edge_distil as ed
from edge_distil._tokenizing.rows import collate
def resident():
    ctypes.CDLL(None).malloc_trim(0)  # glibc keeps what was freed: as much as chance has it
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * 4096 / 1e6
encoder = ed.load(sys.argv[1], variant=sys.argv[2]).encoder
random.seed(1)
def run(batch, words):
    texts = ["word " * words] * batch
    encoder.session.run(collate(encoder.tokenizer.encode(texts), 0))
run(4, 300)
marks = []
for step in range(60):
    run(random.randint(1, 4), random.randint(1, 300))
    if step in (9, 59):
        marks.append(resident())
print(marks[1] - marks[0])
"""


def test_resident_memory_does_not_grow_with_new_shapes(embedded_bundle: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(embedded_bundle), "fp32"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(run.stdout) < GROWTH


RESTS = """
import sys
from pathlib import Path
import edge_distil as ed
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
ed.load(sys.argv[2])  # what comes with any model
before = resident()
encoder = ed.load(sys.argv[1], variant="fp32").encoder
after = resident()
encoder.session.rest()
print((after - resident()) / (after - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_session_at_rest_gives_its_weights_back(embedded_bundle: Path, tiny: Path) -> None:
    command = [sys.executable, "-c", RESTS, str(embedded_bundle), str(tiny / "embedding")]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(said.stdout) > 0.6  # the tokenizer stays
