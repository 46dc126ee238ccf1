"""``edge-distil push``: dry, and to a server that answers as the hub does."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import Command, Result

from edge_distil.bundle import open_bundle

TOKEN = "hf_thisIsNoRealTokenButLooksLikeOne"


class Hub:
    """What a server of the hub's addresses was sent; each file goes with the commit itself."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.status = 200

    def answer(self, path: str, body: bytes, host: str) -> Any:
        if path.endswith("/repos/create"):
            return {"url": f"{host}/ada/qa", "name": "ada/qa", "id": "1"}
        if "/preupload/" in path:
            asked = json.loads(body)["files"]
            return {
                "files": [
                    {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for f in asked
                ]
            }
        if path.endswith("/validate-yaml"):  # of the card
            return {"errors": [], "warnings": []}
        assert "/commit/" in path
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                value = line["value"]
                self.files[value["path"]] = base64.b64decode(value["content"])
        return {"commitUrl": f"{host}/ada/qa/commit/{'0' * 40}", "commitOid": "0" * 40}


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else self._chunks()
            hub.asked.append((self.path, self.headers.get("Authorization", "")))
            reply = {"error": f"no: {TOKEN}"}
            if hub.status == 200:
                reply = hub.answer(self.path, body, f"http://{self.headers['Host']}")
            data = json.dumps(reply).encode()
            self.send_response(hub.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815 - the base class's name

        def _chunks(self) -> bytes:
            body = b""
            if self.headers.get("Transfer-Encoding") != "chunked":
                return body
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def push(*arguments: str | Path, **variables: str) -> Result:
    """In a process of its own, for the hub's client reads its variables when it is imported."""
    ours = {name: v for name, v in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "edge_distil_apps.cli", "push", *arguments],
        env={**ours, "HF_HOME": "/nonexistent", **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def recorded(bundle: Path) -> dict[str, bytes]:
    paths = {record.path for record in open_bundle(bundle).verify()}
    return {path: (bundle / path).read_bytes() for path in {*paths, "edge_distil.json"}}


def test_what_goes_is_what_the_manifest_names(tiny: Path) -> None:
    bundle = tiny / "embedding"
    hub = Hub()
    with serving(hub) as address:
        done = push(bundle, "ada/qa", HF_ENDPOINT=address, HF_TOKEN=TOKEN)
    assert done.status == 0, done.err
    assert f"/ada/qa/commit/{'0' * 40}" in done.out
    card = hub.files.pop("README.md")
    assert hub.files == recorded(bundle)
    assert {said for _, said in hub.asked} == {f"Bearer {TOKEN}"}
    assert TOKEN not in done.out + done.err
    _, front, text = card.decode().split("---\n", 2)
    assert yaml.safe_load(front)["pipeline_tag"] == open_bundle(bundle).manifest.task
    assert "# ada/qa" in text
    for name in open_bundle(bundle).manifest.variants:
        assert f"| {name} | " in text


def test_a_dry_run_sends_nothing(tiny: Path, edge_distil: Command) -> None:
    done = edge_distil("push", tiny / "embedding", "ada/qa", "--dry-run", "--json")
    assert done.status == 0
    document = json.loads(done.out)
    sizes = {file["path"]: file["bytes"] for file in document["files"]}
    assert sizes.pop("README.md") > 0
    assert sizes == {path: len(data) for path, data in recorded(tiny / "embedding").items()}
    assert document["commit"] is None
    assert "nothing was sent" in edge_distil("push", tiny / "embedding", "ada/qa", "--dry-run").out


def test_ones_own_card_goes_and_nothing_else_that_lies_there(bundle_copy: Path) -> None:
    (bundle_copy / "README.md").write_text("mine")
    (bundle_copy / "notes.txt").write_text("secret")
    hub = Hub()
    with serving(hub) as address:
        assert push(bundle_copy, "ada/qa", HF_ENDPOINT=address, HF_TOKEN=TOKEN).status == 0
    assert hub.files["README.md"] == b"mine"
    assert "notes.txt" not in hub.files


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"HF_HUB_OFFLINE": "1", "HF_TOKEN": TOKEN}, "HF_HUB_OFFLINE is set"),
        ({}, "there is no token to push with"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": TOKEN}, "check the connection"),
    ],
)
def test_what_cannot_be_sent_is_one_line(variables: dict[str, str], words: str, tiny: Path) -> None:
    done = push(tiny / "embedding", "ada/qa", **variables)
    assert (done.status, done.out) == (1, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert TOKEN not in done.err


@pytest.mark.parametrize(("status", "words"), [(403, "may write there"), (500, "again later")])
def test_what_the_hub_refuses_is_one_line_without_the_token(
    status: int, words: str, tiny: Path
) -> None:
    hub = Hub()
    hub.status = status
    with serving(hub) as address:
        done = push(tiny / "embedding", "ada/qa", HF_ENDPOINT=address, HF_TOKEN=TOKEN)
    assert (done.status, done.out) == (1, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert TOKEN not in done.err


def test_what_is_not_as_it_was_proven_stays_here(bundle_copy: Path, edge_distil: Command) -> None:
    model = open_bundle(bundle_copy).model_path("fp32")
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    done = edge_distil("push", bundle_copy, "ada/qa", "--dry-run")
    assert done.status == 1
    assert "was edited" in done.err
    for name in ("qa", "a/b/c", "../x"):
        assert edge_distil("push", bundle_copy, name, "--dry-run").status == 2
