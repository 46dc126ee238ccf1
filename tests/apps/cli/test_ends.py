"""However the command ends: one true line or silence, the right status, nothing half-written."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from command import run_without

import edge_distil as ed
from edge_distil._machine import installation

pytestmark = pytest.mark.safety
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
EDGE_DISTIL = shlex.join([sys.executable, "-P", "-m", "edge_distil_apps.cli"])
PATIENCE = 120  # seconds, on a busy machine


def shell(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash; the status of a pipe is that of its first command that fails.

    The command is replaced, not a directory of its name.
    """
    line = re.sub(r"(?<![\w/.-])edge-distil(?![\w/.-])", lambda _: EDGE_DISTIL, line)
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder, env={**ENVIRONMENT, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny bundles, texts and an index."""
    folder = tmp_path_factory.mktemp("work")
    for kind in ("embedding", "fill_mask", "question_answering", "text_classification"):
        (folder / kind).symlink_to(Path(__file__).parents[2] / "golden" / "tiny" / kind)
    (folder / "docs").mkdir()
    (folder / "docs" / "a.md").write_text("# Tide\n\nThe storm lamp.\n")
    (folder / "texts.txt").write_text("storm\nlamp\n")
    (folder / "data.tsv").write_text("storm\tgood\n")
    build = "edge-distil search --build docs -o index --bundle embedding"
    assert shell(build, folder).returncode == 0
    return folder


PRINTING: Mapping[str, str] = {
    "version": "--version",
    "help": "--help",
    "help of a verb": "export --help",
    "help of run": "run --help",
    "run": "run embedding storm lamp",
    "run --json": "run embedding storm --json",
    "inspect": "inspect embedding",
    "inspect --json": "inspect embedding --json",
    "embed": "embed embedding texts.txt -o vectors.npy --force",
    "eval": "eval text_classification --data data.tsv",
    "doctor": "doctor embedding --no-speed",
    "search": "search index lamp",
    "search --build": "search --build docs -o index",
}
by_verb = pytest.mark.parametrize("arguments", PRINTING.values(), ids=PRINTING)


@by_verb
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_a_result_that_cannot_be_written_is_one_line(
    arguments: str, where: str, work: Path
) -> None:
    done = shell(f"edge-distil {arguments} {where}", work)
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert done.returncode == 1
    assert len(errors) == 1
    assert "cannot write the output" in errors[0]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@by_verb
def test_a_reader_that_has_enough_is_no_failure(arguments: str, work: Path) -> None:
    done = shell(f"edge-distil {arguments} | true", work)
    assert (done.returncode, "error" in done.stderr, "Trace" in done.stderr) == (0, False, False)


@by_verb
def test_without_stderr_the_result_is_the_same(arguments: str, work: Path) -> None:
    for where in ("2>&-", "2>/dev/full"):
        assert shell(f"edge-distil {arguments} {where} >/dev/null", work).returncode == 0


@by_verb
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_what_an_encoding_lacks_degrades(arguments: str, encoding: str, work: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "edge_distil_apps.cli", *arguments.split()],
        env={**ENVIRONMENT, "PYTHONIOENCODING": encoding},
        cwd=work, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.decode(encoding)


def test_json_stays_json_in_ascii(work: Path) -> None:
    line = "edge-distil run embedding 'Zoë 京' --json"
    done = shell(line, work, PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["items"][0]["input"] == "Zoë 京"
    plain = shell("edge-distil run embedding 'Zoë 京'", work, PYTHONIOENCODING="ascii")
    assert "Zo\\xeb \\u4eac" in plain.stdout


def test_words_of_the_command_line_are_utf_8_whatever_the_locale(work: Path) -> None:
    c = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    context = "Café Zoë wrote it."
    expected = ed.QuestionAnswering.load(work / "question_answering")("Who wrote it?", context)
    line = f"edge-distil run question_answering -q 'Who wrote it?' -c '{context}' --json"
    [document] = json.loads(shell(line, work, **c).stdout)["items"]
    assert document["results"] == [expected._asdict()]
    wrong = shell("edge-distil run embedding $'\\xff'", work, **c)
    assert wrong.returncode == 2
    assert "is not UTF-8" in wrong.stderr
    assert "surrogate" not in wrong.stderr


@pytest.mark.parametrize("line", ["run fill_mask <&-", "run question_answering -q a -c - <&-"])
def test_a_closed_stdin_is_one_line(line: str, work: Path) -> None:
    done = shell(f"edge-distil {line}", work)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_wrong_usage_stays_wrong_usage(work: Path) -> None:
    for where in ("", "2>&-", "2>/dev/full", ">&-"):
        assert shell(f"edge-distil run embedding --foo {where}", work).returncode == 2


def test_no_memory_is_named(work: Path, embedded_checkpoint: Path) -> None:
    endless = "edge-distil run question_answering -q Who -c @/dev/zero"
    done = shell(f"ulimit -v 2000000; {endless}", work)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the memory ran out")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_no_memory_for_a_model_is_named(work: Path, embedded_bundle: Path) -> None:
    """Wherever it ends, and never without a word; from some limit on there is enough."""
    kept = []
    for kilobytes in range(200_000, 500_000, 5_000):
        line = f"OPENBLAS_NUM_THREADS=1 edge-distil run {embedded_bundle} -q Who -c Ada"
        done = shell(f"ulimit -v {kilobytes}; {line}", work)
        if done.returncode == 0:
            break
        assert done.returncode == 1, (kilobytes, done)
        assert len(done.stderr.splitlines()) == 1, (kilobytes, done)
        kept.append(done.stderr.startswith("error: there is not the memory to load"))
    assert done.returncode == 0
    assert kept[-1]  # the model was what found too little


STOPPED = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped", signal.SIGHUP: "stopped"}


@pytest.mark.parametrize("number", STOPPED)
def test_stopped_in_the_middle(number: signal.Signals, work: Path, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("storm lamp and tide\n" * 200_000)
    arguments = ["embed", str(work / "embedding"), "long.txt", "-o", "vectors.npy"]
    process = subprocess.Popen(
        [*shlex.split(EDGE_DISTIL), *arguments],
        cwd=tmp_path, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    end = time.monotonic() + PATIENCE
    while not list((tmp_path / ".vectors.npy.parts").glob("*.npy")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (128 + number, "")
    assert (
        err == f"error: {STOPPED[number]}; what is done is kept; run the same command again "
        "to go on\n"
    )
    assert not list(tmp_path.glob("**/*.part"))


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("module", ["typer", "typer.core"])
def test_ctrl_c_while_it_is_imported(module: str, as_json: bool, work: Path) -> None:
    """The signal comes in the middle of an import: sent by the import itself."""
    words = ["edge-distil", "--help", *(["--json"] if as_json else [])]
    script = (
        "import builtins, os, signal, sys\n"
        "from edge_distil_apps.cli import main\n"
        "def stop(name, *rest, known=builtins.__import__):\n"
        f"    if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return known(name, *rest)\n"
        "builtins.__import__ = stop\n"
        f"sys.argv = {words}\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], env=ENVIRONMENT, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
    if as_json:
        found = json.loads(done.stdout)["error"]
        assert (found["type"], found["remedy"]) == ("Interrupted", None)
    else:
        assert done.stdout == b""


def test_a_study_without_the_exporter_names_what_is_missing(work: Path, tmp_path: Path) -> None:
    done = run_without("torch", "study", "--quick", "-o", "out", folder=tmp_path)
    assert done.status == 1
    assert installation.install("export") in done.err
    assert "--models DIR" in done.err


def test_one_vector_is_one(work: Path) -> None:
    assert shell("edge-distil run embedding storm", work).stdout.startswith("1 vector of 16 ")
