"""The Ray engine: the local engine's output, whoever dies on the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from command import Command

from edge_distil._machine import installation
from edge_distil.errors import EngineError
from edge_distil_apps.embed import ROWS, Job, embed_corpus
from edge_distil_apps.embed.engine import Advance, run_local
from edge_distil_apps.embed.parts import Parts, open_parts
from edge_distil_apps.embed.ray_engine import run_ray
from edge_distil_apps.embed.ray_worker import TRIES, Worker, tries

_SHARDS = 12
_BAD = 5 * ROWS + 17  # the row, from 1, whose text is null
_SOON = 60.0  # seconds in which something that is waited for happens on a busy machine

# Ray's own: it reads a setting of its own that it has deprecated, and leaves files to the
# interpreter's end.
pytestmark = [
    pytest.mark.safety,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore:`use_push_based_shuffle` is deprecated:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Ray a token, read at its first import; else it leaves one in the home directory."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)


@pytest.fixture
def job(tiny: Path, tmp_path: Path) -> Job:
    """A corpus of a dozen shards, the last of them short, with one bad row."""
    rows = [
        {"text": f"row {number}" + " of the river bank" * 9}
        for number in range(1, _SHARDS * ROWS - 99)
    ]
    lines = [json.dumps({"text": None} if n == _BAD else row) for n, row in enumerate(rows, 1)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return Job(tmp_path / "rows.jsonl", tmp_path / "ray.npy", tiny / "embedding")


@contextmanager
def _unwatched(total: int, before: int) -> Iterator[Advance]:
    yield lambda rows: None


def _local(job: Job) -> bytes:
    """Return the local engine's output."""
    there = replace(job, output=job.output.with_name("local.npy"))
    embed_corpus(there, run_local, _unwatched)
    return there.output.read_bytes()


def test_a_killed_worker_loses_nothing_and_the_output_is_the_local_engines(job: Job) -> None:
    killed: list[int] = []

    @contextmanager
    def kill_one(total: int, before: int) -> Iterator[Advance]:
        def advance(rows: int) -> None:
            begun = [path for path in job.parts.glob("*.tries") if path.stat().st_size]
            if begun and not killed:
                last = max(begun, key=lambda path: path.stat().st_mtime_ns)
                killed.append(int(last.read_text("utf-8").split(":")[-1]))
                os.kill(killed[0], signal.SIGKILL)

        yield advance

    summary = embed_corpus(job, partial(run_ray, workers=2), kill_one)
    assert len(killed) == 1
    assert summary.bad == 1
    assert summary.first_bad[0]["row"] == _BAD
    assert job.output.read_bytes() == _local(job)
    assert not job.parts.exists()


def _begin(job: Job) -> Parts:
    return open_parts(job.parts, job.identity(job.source()), force=False, exists=False)


def test_a_worker_says_which_path_its_node_lacks(job: Job, tmp_path: Path) -> None:
    parts = _begin(job)
    lacking = replace(job, bundle=tmp_path / "elsewhere")
    record = Worker(lacking, parts).do(next(iter(job.source().shards())))
    assert f"has no {tmp_path / 'elsewhere'}" in record.error
    assert "all nodes share" in record.error


def test_a_worker_refuses_to_mix_versions(job: Job) -> None:
    parts = _begin(job)
    described = json.loads((parts.path / "job.json").read_text("utf-8"))
    described["versions"]["onnxruntime"] = "1.0.0"
    (parts.path / "job.json").write_text(json.dumps(described), encoding="utf-8")
    record = Worker(job, parts).do(next(iter(job.source().shards())))
    assert "has another versions than the driver" in record.error
    assert not parts


def test_a_shard_that_kills_its_workers_ends_the_work(job: Job) -> None:
    parts, shard = _begin(job), next(iter(job.source().shards()))
    tries(parts, shard).write_text("node:1\n" * TRIES, encoding="utf-8")
    record = Worker(job, parts).do(shard)
    assert f"{TRIES} workers died while they did rows 1 to {ROWS}" in record.error


def test_a_shard_that_is_there_is_not_done_again(job: Job) -> None:
    parts, shard = _begin(job), next(iter(job.source().shards()))
    worker = Worker(job, parts)
    assert worker.do(shard).rows == ROWS
    before = (parts.path / "00000000.npy").stat().st_mtime_ns
    assert worker.do(shard).rows == ROWS
    assert (parts.path / "00000000.npy").stat().st_mtime_ns == before


def _closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_a_cluster_that_is_not_there_is_one_line(job: Job) -> None:
    address = _closed_port()
    with pytest.raises(EngineError, match=f"cannot reach Ray at {address} .*check the address"):
        embed_corpus(job, partial(run_ray, address=address), _unwatched)


def test_rays_client_is_refused_with_what_to_do(job: Job) -> None:
    with pytest.raises(EngineError, match=r"does not run over ray://head:10001.*--address auto"):
        embed_corpus(job, partial(run_ray, address="ray://head:10001"), _unwatched)


def test_without_ray_the_extra_is_named(
    job: Job, edge_distil: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = edge_distil("embed", job.bundle, job.input, "-o", job.output, "--engine", "ray")
    assert result.status == 1
    assert installation.install("ray") in result.err


@pytest.mark.parametrize("flag", ["--address", "--workers"])
def test_rays_flags_need_rays_engine(job: Job, edge_distil: Command, flag: str) -> None:
    result = edge_distil("embed", job.bundle, job.input, "-o", job.output, flag, "2")
    assert result.status == 2
    assert "--engine ray" in result.err


def _start(job: Job, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "edge_distil_apps.cli", "embed", job.bundle, job.input),
            *("-o", job.output, "--json", "--engine", "ray", *more),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C goes to the whole group, as in a terminal
    )


def _wait_for_parts(job: Job) -> None:
    end = time.monotonic() + _SOON
    while not any(job.parts.glob("*.npy")) and time.monotonic() < end:
        time.sleep(0.01)


@pytest.mark.slow
def test_a_killed_driver_is_gone_on_with_by_either_engine(job: Job) -> None:
    process = _start(job, "--workers", "1")
    _wait_for_parts(job)
    process.kill()
    process.communicate()
    assert any(job.parts.glob("*.npy"))
    summary = embed_corpus(job, run_local, _unwatched)
    assert summary.resumed_from >= ROWS
    assert job.output.read_bytes() == _local(job)


@pytest.mark.slow
def test_an_interrupt_keeps_the_parts_and_says_how_to_go_on(job: Job) -> None:
    process = _start(job, "--workers", "1")
    _wait_for_parts(job)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=_SOON)
    assert process.returncode == 130
    assert json.loads(out)["error"]["type"] == "Interrupted"
    said = err.splitlines()[-1]
    assert said == "error: interrupted; what is done is kept; run the same command again to go on"
    assert any(job.parts.glob("*.npy"))
    out, err = _start(job).communicate(timeout=2 * _SOON)
    assert json.loads(out)["resumed_from"] >= ROWS
    assert "Traceback" not in err
    assert job.output.read_bytes() == _local(job)


@pytest.mark.slow
def test_parquet_shards_go_in_and_out(job: Job) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = job.output.with_name("in")
    folder.mkdir()
    for number in range(3):
        ids = range(number * 2000, (number + 1) * 2000)
        table = pa.table({"id": list(ids), "text": [f"the {n}th river" for n in ids]})
        pq.write_table(table, folder / f"{number}.parquet")
    outputs = {}
    for name, engine in {"ray": run_ray, "local": run_local}.items():
        out = job.output.with_name(name)
        whole = replace(job, input=folder, output=out, keep=("id",), is_directory=True)
        embed_corpus(whole, engine, _unwatched)
        outputs[name] = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    assert outputs["ray"] == outputs["local"]
    table = pq.read_table(job.output.with_name("ray"))
    assert table["id"].to_pylist() == list(range(6000))


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_loses_nothing(job: Job) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    other = cluster.add_node(num_cpus=1)
    lost: list[int] = []

    @contextmanager
    def lose_a_node(total: int, before: int) -> Iterator[Advance]:
        def advance(rows: int) -> None:
            if not lost:
                lost.append(rows)
                cluster.remove_node(other, allow_graceful=False)

        yield advance

    try:
        embed_corpus(job, partial(run_ray, address=cluster.address), lose_a_node)
    finally:
        cluster.shutdown()
    assert lost
    assert job.output.read_bytes() == _local(job)
