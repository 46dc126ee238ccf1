"""Workers that fail, and workers whose parent does: one clear line, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_distil.errors import BenchmarkError
from edge_distil_bench.protocol.processes import Participant, Worker, participant, started

READY = "print('{\"baseline\": null}', flush=True)"


def scripted(script: str) -> Participant:
    return Participant("scripted", (sys.executable, "-c", script), threads=1)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may still be listed, as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise SystemExit('no such engine')", r"ended with status 1 \(no such engine\)"),
        ("import os; os.kill(os.getpid(), 9)", r"was killed \(SIGKILL\).*the memory ran out"),
        ("print('Loading...')", "replied 'Loading...', expected a line of JSON"),
        ("print('half a line', end='')", r"status 0 \(nothing on stderr\)"),
        (f"{READY}; input(); raise MemoryError", r"ended with status 1 \(MemoryError\)"),
        (f'{READY}; input(); print(\'{{"error": "too long"}}\')', "^scripted: too long$"),
    ],
)
def test_a_worker_that_fails_is_named(script: str, message: str) -> None:
    with pytest.raises(BenchmarkError, match=message), started([scripted(script)]) as [worker]:
        worker.ask(run=[0])


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"cannot start .*engine"):
        Worker(Participant("peer", (str(tmp_path / "engine"),), threads=1))


def test_a_variant_that_is_not_there(bundle: Path) -> None:
    with pytest.raises(BenchmarkError, match="has no variant 'fp8'"):
        Worker(participant("tiny/fp8", bundle, "fp8", 1))


def test_noise_fills_no_pipe() -> None:
    """Linux's pipes hold 64 KiB; a worker that warns more than that must not stand still."""
    noise = "import sys; sys.stderr.write('warning\\n' * 100_000)"
    with started([scripted(f"{noise}\n{READY}\ninput()\n{noise}\nprint('{{}}')")]) as [worker]:
        assert worker.ask(run=[0]) == {}


def test_what_a_worker_prints_is_no_reply(tmp_path: Path) -> None:
    """A library that prints to stdout, from Python or from C, is not taken for the worker."""
    (tmp_path / "noisy.py").write_text(
        "import os, time\nfrom edge_distil_bench.protocol.worker import serve\n"
        "def load():\n    os.write(1, b'from C'); print('hello')\n    return lambda r: {}\n"
        "serve(load, time.perf_counter_ns(), None)\n"
    )
    noisy = Participant("noisy", (sys.executable, str(tmp_path / "noisy.py")), threads=1)
    with started([noisy]) as [worker]:
        assert worker.ask(run=[0]) == {}


def test_workers_end_with_a_parent_that_is_killed(bundle: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from edge_distil_bench.protocol.processes import participant, started\n"
        f"with started([participant('m', Path({str(bundle)!r}), 'fp32', 1)] * 2) as workers:\n"
        "    print(*(w._process.pid for w in workers), flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        assert all(map(is_alive, children))
        parent.kill()
    for child in children:
        wait_until_gone(child)


def test_ctrl_c_is_the_parents(participants: list[Participant]) -> None:
    """Ctrl-C reaches the whole group; a worker goes on until its parent has decided."""
    with started(participants[:1]) as [worker]:
        os.kill(worker._process.pid, signal.SIGINT)
        assert worker.ask(memory=True)["resident"] > 0


def test_neighbours_end_when_one_cannot_start(bundle: Path) -> None:
    """The one that had started is ended before the error is seen."""
    before = children_of(os.getpid())
    with (
        pytest.raises(BenchmarkError, match="status 0"),
        started([participant("tiny/fp32", bundle, "fp32", 1), scripted("")]),
    ):
        pass
    assert children_of(os.getpid()) == before


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
