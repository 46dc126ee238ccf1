"""Two hundred downloads at once: each is right, and memory stays flat."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnx
import pytest
from serve_process import serving, write_page

pytest.importorskip("starlette", reason="needs the extra [serve]")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
MANY = 200
SIZE = 24 << 20
MOST = 64 << 20  # bytes for all of them: a third of a megabyte each, where whole files were 5 GB


@pytest.fixture
def bundle(tiny: Path, tmp_path: Path) -> Path:
    """A bundle with a large variant: an ONNX file, which is all that matters to a server."""
    folder = Path(shutil.copytree(tiny / "question_answering", tmp_path / "qa"))
    large = onnx.ModelProto(
        ir_version=8, doc_string="of no use " * (SIZE // 10)
    ).SerializeToString()
    (folder / "onnx" / "model_fp16.onnx").write_bytes(large)
    manifest = json.loads((folder / "edge_distil.json").read_text("utf-8"))
    record = {
        "path": "onnx/model_fp16.onnx",
        "bytes": len(large),
        "sha256": hashlib.sha256(large).hexdigest(),
    }
    manifest["variants"]["fp16"] = {**manifest["variants"]["fp32"], "file": record}
    (folder / "edge_distil.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def test_two_hundred_downloads_at_once_are_right_and_memory_is_flat(
    bundle: Path, tmp_path: Path
) -> None:
    expected = hashlib.sha256((bundle / "onnx" / "model_fp16.onnx").read_bytes()).hexdigest()
    with serving(write_page(tmp_path / "page"), tmp_path / "phones", bundle) as server:
        before = server.resident()
        waiting = [_begin(server.port) for _ in range(MANY)]
        heads = [connection.recv(4096) for connection in waiting]
        assert all(head.startswith(b"HTTP/1.1 200") for head in heads)
        during = server.resident()
        # Some readers go away, the others read to the end, side by side.
        for connection in waiting[20:]:
            connection.close()
        with ThreadPoolExecutor(20) as pool:
            digests = set(pool.map(_rest, waiting[:20], heads[:20]))
        after = server.resident()
    assert digests == {expected}
    print(f"{MANY} downloads: {before >> 20} MB before, {during >> 20} during, {after >> 20} after")
    assert during - before < MOST
    assert after - before < MOST


def _begin(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=120)
    path = "/bundles/qa/onnx/model_fp16.onnx"
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    )
    return connection


def _rest(connection: socket.socket, head: bytes) -> str:
    """Read a response to its end and return the digest of its body."""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    digest = hashlib.sha256(head.split(b"\r\n\r\n", 1)[1])
    while part := connection.recv(1 << 20):
        digest.update(part)
    connection.close()
    return digest.hexdigest()
