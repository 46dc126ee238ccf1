"""Ctrl-C in the middle of each verb: one true line, status 130, nothing half-written.

The terminal sends the signal to the command and to all that it has started. It comes here when the
verb is inside one of its functions or modules, from a thread that looks for that in its process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")

TINY = Path(__file__).parents[2] / "golden" / "tiny"
GO_ON = "is kept; run the same command again to go on"
NOTHING = "there was nothing to keep yet"
SCRIPT = """
import os, signal, sys, threading, time
name, *sys.argv[1:] = sys.argv[1:]
main = threading.main_thread().ident

def is_inside():
    frame = sys._current_frames().get(main)
    while frame is not None:
        if frame.f_code.co_name == name or frame.f_code.co_filename.endswith(name):
            return True
        frame = frame.f_back

def send():
    while not is_inside():
        time.sleep(0.001)
    time.sleep(0.02)  # the shortest of them takes 0.1 s
    os.killpg(0, signal.SIGINT)

threading.Thread(target=send, daemon=True).start()
from edge_distil_apps.cli import main as command
command()
"""
VERBS = {
    "export, importing": ("torch/__init__.py", "export new -o out", "nothing half-written remains"),
    "export": ("_export_graph", "export new -o out", "nothing half-written remains"),
    "quantize": (
        "_make",
        "quantize text_classification --int8 --force --ort",
        "variants that were finished are kept, nothing half-written remains",
    ),
    "quantize --max-drop": (
        "_search",
        "quantize text_classification --int8 --force --max-drop 50 --data data.tsv",
        "variants that were finished are kept, nothing half-written remains",
    ),
    "eval": ("evaluate", "eval text_classification --data data.tsv", "nothing was written"),
    "run": ("batch", "run question_answering -q Who -c @long.txt", "nothing was written"),
    "run, reading": ("encode", "run embedding", "nothing was written"),
    "doctor": ("measure_speeds", "doctor embedding", "nothing was written"),
    "bench": ("sample", "bench embedding --work cache", f"what was measured {GO_ON}"),
    "embed": (
        "stream",
        "embed embedding long.txt -o vectors.npy",
        f"what is done {GO_ON}",
    ),
    "search --build": (
        "_update",
        "search --build docs -o index --bundle embedding",
        f"what is indexed {GO_ON}",
    ),
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    for name in ("embedding", "question_answering", "text_classification"):
        shutil.copytree(TINY / name, tmp_path / name)
    (tmp_path / "long.txt").write_text("storm lamp and tide\n" * 100_000)
    (tmp_path / "data.tsv").write_text("storm\tgood\na charming film\tbad\n" * 30_000)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("The river and the lamp.\n\n" * 50_000)
    return tmp_path


@pytest.mark.parametrize("verb", VERBS)
def test_ctrl_c_in_the_middle(verb: str, work: Path) -> None:
    inside, arguments, kept = VERBS[verb]
    if verb.startswith("export"):
        from tiny import save_checkpoint

        save_checkpoint(work / "new", "distilbert", "text-classification")
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT, inside, *arguments.split()],
        cwd=work, env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        capture_output=True, text=True, check=False, start_new_session=True,
        input="storm and lamp\n" * 50_000 if "reading" in verb else "",
    )  # fmt: skip
    places = ("cache/bench-*.json", ".vectors.npy.parts/*.npy", "index/*.sqlite*")
    if kept.endswith(GO_ON) and not any(list(work.glob(place)) for place in places):
        kept = NOTHING  # it is said where it is so
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (130, ""), done.stderr
    assert lines[-1] == f"error: interrupted; {kept}", done.stderr
    assert [line for line in lines[:-1] if not is_note(line)] == []
    assert not list(work.rglob("*.part"))
    assert not list(work.rglob("*.lock"))


def is_note(line: str) -> bool:
    """Whether a line is of the verb's own progress, none of an error."""
    return not any(word in line for word in ("Traceback", "Error", "error", "terminate", "abort"))
