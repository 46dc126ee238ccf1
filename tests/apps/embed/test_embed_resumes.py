"""`edge-distil embed`, killed, interrupted, twice at once: it goes on, and loses nothing."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import Command
from embed_corpus import COUNT, make_texts, names, write_texts

import edge_distil as ed
from edge_distil_apps.embed import ROWS, Job, Shard, embed_corpus
from edge_distil_apps.embed.engine import Advance, run_local
from edge_distil_apps.embed.parts import Parts

pytestmark = pytest.mark.safety
CLI = (sys.executable, "-m", "edge_distil_apps.cli", "embed")
PATIENCE = 120  # seconds


def end_when(command: list[str | Path], parts: Path, count: int, how: int) -> int:
    """Start a command and end it when so many shards are done; return how many there were then."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + PATIENCE
    while len(list(parts.glob("*.npy"))) < count and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(how)
    said = process.communicate()[1].decode()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "run the same command again to go on" in said
    else:
        assert process.returncode == -signal.SIGKILL, said
    return len(list(parts.glob("*.npy")))


def test_killed_and_interrupted_it_goes_on(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    # texts long enough that a shard takes longer than it takes to see that it is there
    long = [" ".join([text] * 8) for text in make_texts(11 * ROWS + 5)]
    corpus = write_texts(tmp_path / "texts.txt", long)
    whole, killed = tmp_path / "whole.npy", tmp_path / "v.npy"
    arguments = [tiny / "embedding", corpus, "--precision", "int8", "-o"]
    assert edge_distil("embed", *arguments, whole).status == 0
    parts, done = tmp_path / ".v.npy.parts", 0
    for count, how in [(1, signal.SIGKILL), (3, signal.SIGINT)]:
        done = end_when([*CLI, *arguments, killed, "--threads", "1"], parts, count, how)
        assert count <= done < 12
    result = edge_distil("embed", *arguments, killed, "--json")
    assert json.loads(result.out)["resumed_from"] == done * ROWS
    assert f"going on: {done * ROWS:,} of {len(long):,} texts" in result.err
    assert killed.read_bytes() == whole.read_bytes()
    assert names(tmp_path) == ["texts.txt", "v.npy", "whole.npy"]


@contextmanager
def unwatched(total: int, before: int) -> Iterator[Advance]:
    yield lambda texts: None


def no_engine(job: Job, shards: Sequence[Shard], parts: Parts, advance: Advance) -> None:
    raise AssertionError(f"shards {shards} are done already")


@pytest.mark.parametrize("name", ["v.npy", "v.parquet", "folder"])
def test_killed_while_the_output_is_assembled(
    tiny: Path, corpus: Path, tmp_path: Path, name: str
) -> None:
    job = Job(corpus, tmp_path / "whole", tiny / "embedding", is_directory=name == "folder")
    whole = replace(job, output=tmp_path / f"whole-{name}")
    embed_corpus(whole, run_local, unwatched)

    def killed(job: Job, shards: Sequence[Shard], parts: Parts, advance: Advance) -> None:
        """Do all shards and die with the output half-written."""
        run_local(job, shards, parts, advance)
        half = parts.path / "output"
        if job.is_directory:
            half.mkdir()
            half /= "part-00000.parquet"
        half.write_bytes(b"half of it")
        raise KeyboardInterrupt

    again = replace(job, output=tmp_path / name)
    with pytest.raises(KeyboardInterrupt):
        embed_corpus(again, killed, unwatched)
    assert embed_corpus(again, no_engine, unwatched).resumed_from == COUNT
    for file in [""] if name != "folder" else ["part-00000.parquet"]:
        assert (again.output / file).read_bytes() == (whole.output / file).read_bytes()


@pytest.mark.slow
def test_twenty_kills_at_random_moments(tiny: Path, tmp_path: Path) -> None:
    corpus = write_texts(tmp_path / "texts.txt", make_texts(100_000))
    command = [*CLI, tiny / "embedding", corpus, "-o"]
    started = time.monotonic()
    subprocess.run([*command, tmp_path / "whole.npy"], check=True)
    seconds, generator = time.monotonic() - started, random.Random(2018)
    output = tmp_path / "v.npy"
    for _ in range(20):
        parts = tmp_path / ".v.npy.parts"
        if output.exists() and not parts.exists():
            assert output.read_bytes() == (tmp_path / "whole.npy").read_bytes()
            output.unlink()
        process = subprocess.Popen([*command, output])
        time.sleep(generator.uniform(0, seconds / 2))
        process.kill()
        assert process.wait() in (0, -signal.SIGKILL)
    if (tmp_path / ".v.npy.parts").exists() or not output.exists():
        subprocess.run([*command, output], check=True)
    assert output.read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_nothing_is_lost_silently(
    edge_distil: Command, tiny: Path, corpus: Path, tmp_path: Path
) -> None:
    output, command = tmp_path / "v.npy", ["embed", tiny / "embedding", corpus, "-o"]
    assert edge_distil(*command, output).status == 0
    before = output.read_bytes()
    result = edge_distil(*command, output, "--normalize")
    assert (result.status, output.read_bytes()) == (1, before)
    assert "v.npy exists" in result.err
    assert "--force" in result.err
    assert edge_distil(*command, output, "--truncate-dim", 4, "--force").status == 0
    assert np.load(output).shape == (COUNT, 4)

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    result = edge_distil(*command, tmp_path / "mine", "--force")
    assert "holds letter.txt, expected an empty directory" in result.err
    assert names(tmp_path / "mine") == ["letter.txt"]

    for name in ("letter.npy", "letter.parquet"):
        (tmp_path / name).write_text("dear")
        result = edge_distil(*command, tmp_path / name, "--force")
        assert result.status == 1
        assert f"is no {Path(name).suffix} file of vectors" in result.err
        assert (tmp_path / name).read_text() == "dear"


def test_parts_of_another_job_are_kept_apart(
    edge_distil: Command, tiny: Path, corpus: Path, texts: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "v.npy"
    command = [*CLI, tiny / "embedding", corpus, "-o", output]
    end_when([*command, "--threads", "1"], tmp_path / ".v.npy.parts", 1, signal.SIGKILL)
    result = edge_distil(*command[3:], "--truncate-dim", 4)
    assert result.status == 1
    assert "parts of another, unfinished job (another options)" in result.err
    write_texts(corpus, [*texts[:-1], "storm"])
    result = edge_distil(*command[3:])
    assert "parts of another, unfinished job (another input)" in result.err
    assert not output.exists()
    assert edge_distil(*command[3:], "--force").status == 0
    changed = ed.Embedding.load(tiny / "embedding").encode(["storm"])
    assert np.load(output)[-1].tolist() == changed[0].tolist()
    assert names(tmp_path) == ["texts.txt", "v.npy"]


def test_a_link_stays_and_its_target_is_filled(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "t.txt").write_text("storm\n")
    (tmp_path / "link.npy").symlink_to(tmp_path / "disk.npy")
    command = ["embed", tiny / "embedding", tmp_path / "t.txt", "-o", tmp_path / "link.npy"]
    assert edge_distil(*command).status == 0
    assert edge_distil(*command, "--force").status == 0
    assert (tmp_path / "link.npy").is_symlink()
    assert len(np.load(tmp_path / "disk.npy")) == 1
    assert names(tmp_path) == ["disk.npy", "link.npy", "t.txt"]


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_two_embeds_at_once_lose_nothing(tiny: Path, tmp_path: Path, rounds: int) -> None:
    (tmp_path / "t.txt").write_text("storm lamp\n" * 3000)
    for number in range(rounds):
        output = tmp_path / f"{number}.npy"
        command = [*CLI, str(tiny / "embedding"), str(tmp_path / "t.txt"), "-o", str(output)]
        both = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = "".join(process.communicate()[1] for process in both)
        assert sorted(process.returncode for process in both) == [0, 1], said
        assert ("is writing to" in said) or (f"{number}.npy exists" in said)
        assert "Traceback" not in said
        assert len(np.load(output)) == 3000
        assert not list(tmp_path.glob(".*"))


def test_one_process_at_a_time(
    edge_distil: Command, tiny: Path, corpus: Path, tmp_path: Path
) -> None:
    command = ["embed", tiny / "embedding", corpus, "-o", tmp_path / "v.npy"]
    job = Job(corpus, tmp_path / "v.npy", tiny / "embedding")

    def busy(job: Job, shards: Sequence[Shard], parts: Parts, advance: Advance) -> None:
        """Try to start another while one is at work."""
        for flags in ([], ["--force"], ["--truncate-dim", 4, "--force"]):
            result = edge_distil(*command, *flags)
            assert result.status == 1
            assert f"is writing to {tmp_path / 'v.npy'}: wait" in result.err
        run_local(job, shards, parts, advance)

    embed_corpus(job, busy, unwatched)
    assert names(tmp_path) == ["texts.txt", "v.npy"]


def test_an_input_that_changes_meanwhile(tiny: Path, corpus: Path, tmp_path: Path) -> None:
    def change(job: Job, shards: Sequence[Shard], parts: Parts, advance: Advance) -> None:
        run_local(job, shards, parts, advance)
        corpus.write_text("storm\n")

    job = Job(corpus, tmp_path / "v.npy", tiny / "embedding")
    with pytest.raises(ed.errors.InputError, match="has changed meanwhile"):
        embed_corpus(job, change, unwatched)
    assert not job.output.exists()
