"""What a message says to do is done here, and then what failed works."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from command import Command, Result
from tiny import save_checkpoint

from edge_distil._machine import installation
from edge_distil_apps.cli.verbs import app

pytestmark = pytest.mark.wide

REPOSITORY = Path(__file__).parents[4]
SOURCES = ("edge_distil", "export", "quantize", "distil", "bench/edge_distil_bench", "apps")
# What fails -> what the message leaves to its reader: names of their own.
COMMANDS = {
    "no bundle": ("run new storm", {"MODEL": "checkpoint", "DIR": "new"}),
    "a variant": ("run bundle storm --variant weights-only", {}),
    "its ORT format": ("run bundle storm --variant int8-ort", {}),
    "both": ("run bundle storm --variant fp16-ort", {}),
    "no index": ("search i storm", {"DIR": "docs", "BUNDLE": "embedding"}),
    "texts for an index": ("search docs storm", {"BUNDLE": "embedding"}),
    "fp32 is gone": ("run lite storm --variant fp32", {"MODEL": "checkpoint"}),
}
# What fails -> the words that it lacks.
WORDS = {
    "an output": ("export checkpoint -o bundle", "--force"),
    "vectors": ("embed embedding docs/a.txt -o v.npy", "--force"),
    "a variant": ("quantize bundle --int8", "--force"),
    "who answers": ("search index storm --answer", "--qa qa"),
    "that it answers": ("search index storm --qa qa", "--answer"),
    "a budget's data": ("quantize bundle --int8 --force --max-drop 90", "--data data.tsv"),
    "a bundle for an index": ("search --build docs -o other", "--bundle embedding"),
}


@pytest.fixture
def here(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a blank in its name, as many a user's."""
    folder = tmp_path / "my models"
    for name, kind in (("bundle", "text_classification"), ("embedding", "embedding"),
                       ("qa", "question_answering"), ("lite", "text_classification")):  # fmt: skip
        shutil.copytree(tiny / kind, folder / name)
    manifest = json.loads((folder / "lite" / "edge_distil.json").read_text())
    del manifest["variants"]["fp32"]
    (folder / "lite" / "edge_distil.json").write_text(json.dumps(manifest))
    (folder / "docs").mkdir()
    (folder / "docs" / "a.txt").write_text("The storm lamp.\n")
    (folder / "data.tsv").write_text("storm\tgood\na charming film\tbad\n")
    monkeypatch.chdir(folder)
    return folder


def run(edge_distil: Command, line: str) -> Result:
    return edge_distil(*shlex.split(line))


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_that_is_named_works(case: str, here: Path, edge_distil: Command) -> None:
    line, own = COMMANDS[case]
    if "checkpoint" in own.values():
        save_checkpoint(here / "checkpoint", "distilbert", "text-classification")
    error = json.loads(run(edge_distil, f"{line} --json").out)["error"]
    command = re.search(r"edge-distil ([^`]*)", error["remedy"])
    assert command, error
    words = [own.get(word, word) for word in shlex.split(command[1].removesuffix(" wrote"))]
    done = edge_distil(*words)
    assert done.status == 0, done.err
    again = run(edge_distil, line.replace("search docs ", "search docs.index "))
    assert again.status == 0, again.err


@pytest.mark.parametrize("case", WORDS)
def test_a_word_that_is_named_works(case: str, here: Path, edge_distil: Command) -> None:
    line, lacking = WORDS[case]
    if line.startswith("export"):
        save_checkpoint(here / "checkpoint", "distilbert", "text-classification")
    run(edge_distil, "search --build docs -o index --bundle embedding")
    if line.startswith("embed "):
        assert run(edge_distil, line).status == 0
    failed = run(edge_distil, line)
    assert failed.status in (1, 2)
    assert lacking.split()[0] in failed.err
    assert "=True" not in failed.err
    done = run(edge_distil, f"{line} {lacking}")
    assert done.status == 0, done.err


def test_no_command_is_named_for_what_no_command_makes(here: Path, edge_distil: Command) -> None:
    assert "quantize" not in run(edge_distil, "run bundle storm --variant int9").err
    assert "export" not in run(edge_distil, "run bundle storm --variant coreml-int9").err


def test_errors_of_the_system_are_words(here: Path, edge_distil: Command) -> None:
    (here / "one").symlink_to("two")
    (here / "two").symlink_to("one")
    for line in ("inspect one", "eval bundle --data one", "run qa -q a -c @one", "run one x",
                 "embed embedding one -o x.npy", "search one storm"):  # fmt: skip
        done = run(edge_distil, line)
        assert done.status == 1
        assert "[Errno" not in done.err, done.err


def test_an_extra_is_installed_from_where_the_package_came() -> None:
    """From a clone, for no index may have it: pip finds the project and the extra."""
    *_, install, editable, what = shlex.split(installation.install("serve"))
    assert (install, editable) == ("install", "-e")
    # As it is, but for what would download the build's own tools.
    options = ["--dry-run", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, what],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "does not provide the extra" not in done.stderr
    assert "edge-distil" in done.stdout


def _messages() -> Iterator[tuple[str, str]]:
    """Yield the texts of the sources that are printed: those with an error's or a remedy's form."""
    for root in SOURCES:
        for file in sorted((REPOSITORY / root).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                    texts = [
                        part.value for part in ast.walk(node.exc)
                        if isinstance(part, ast.Constant) and isinstance(part.value, str)
                    ]  # fmt: skip
                    yield f"{file.relative_to(REPOSITORY)}:{node.lineno}", "".join(texts)


def test_every_verb_and_option_that_a_message_names_is_there() -> None:
    root = typer.main.get_command(app)
    names = root.commands  # type: ignore[attr-defined]
    verbs = {name: root.get_command(typer.Context(root), name) for name in names}  # type: ignore[attr-defined]
    known = {name for verb in verbs.values() for each in verb.params for name in each.opts}
    others = {"--help", "--keep-models"} | {f"--{name}" for name in ("index-url", "no-index")}
    for place, text in _messages():
        for verb in re.findall(r"`?edge-distil ([a-z]+)\b(?= [A-Z`'\-{]|`)", text):
            assert verb in verbs, f"{place}: {text}"
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9]", text):
            assert flag in known | others, f"{place}: {flag} in {text}"
