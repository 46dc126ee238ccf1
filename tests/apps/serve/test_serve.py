"""The server's answers: whole, in parts, compressed; nothing beside what is served."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serve_process import TOKEN, Server, serving, write_page

from edge_distil import Embedding

pytest.importorskip("starlette", reason="needs the extra [serve]")
REPORT = Path(__file__).parents[3] / "apps" / "reports" / "xeon-2-cores" / "measurements.json"
MODEL = "/bundles/question_answering/onnx/model.onnx"


@pytest.fixture(scope="module")
def place(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle, and beside it and in it what must not be served."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(tiny / "question_answering", folder / "question_answering")
    (folder / "secret.txt").write_text("secret", encoding="utf-8")
    (folder / "question_answering" / "notes.txt").write_text("secret", encoding="utf-8")
    (folder / "question_answering" / "link.json").symlink_to(folder / "secret.txt")
    write_page(folder / "page")
    return folder


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    with serving(place / "page", place / "phones", place / "question_answering") as server:
        yield server


def test_bundle_and_page_come_as_they_are(server: Server, place: Path) -> None:
    bundle = place / "question_answering"
    for path, file in [
        ("/", place / "page" / "index.html"),
        ("/assets/index-abc.js", place / "page" / "assets" / "index-abc.js"),
        (MODEL, bundle / "onnx" / "model.onnx"),
        ("/bundles/question_answering/edge_distil.json", bundle / "edge_distil.json"),
    ]:  # fmt: skip
        response, body = server.ask(path)
        assert (response.status, body) == (200, file.read_bytes()), path


def test_every_answer_isolates_the_page_and_forbids_third_parties(server: Server) -> None:
    for path in ("/", MODEL, "/bundles.json", "/nowhere"):
        response, _ = server.ask(path)
        assert response.headers["cross-origin-opener-policy"] == "same-origin"
        assert response.headers["cross-origin-embedder-policy"] == "require-corp"
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self';" in policy


def test_the_list_names_what_is_served(server: Server) -> None:
    document = json.loads(server.ask("/bundles.json")[1])
    [bundle] = document["bundles"]
    assert (bundle["name"], bundle["task"]) == ("question_answering", "question-answering")
    assert bundle["url"] == "bundles/question_answering/"
    assert document["uploads"] is True


def test_golden_vectors_are_those_of_the_task_object(
    tiny: Path, place: Path, tmp_path: Path
) -> None:
    with serving(place / "page", tmp_path, tiny / "embedding") as server:
        document = json.loads(server.ask("/bundles/embedding/golden.json")[1])
    texts = [text for (text,) in document["inputs"]["texts"]]
    expected = Embedding.load(tiny / "embedding").encode(texts)
    assert np.abs(np.array(document["answers"]["fp32"]) - expected).max() < 1e-6


def test_a_model_too_small_for_the_questions_has_no_golden_answers(server: Server) -> None:
    document = json.loads(server.ask("/bundles/question_answering/golden.json")[1])
    assert document == {"inputs": None, "answers": {}}


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=99999999999-", 416, None),
        ("bytes=5-2", 400, None),
        ("rubbish", 400, None),
    ],
)
def test_ranges(server: Server, place: Path, asked: str, status: int, part: slice | None) -> None:
    whole = (place / "question_answering" / "onnx" / "model.onnx").read_bytes()
    response, body = server.ask(MODEL, range=asked, accept_encoding="gzip")
    assert response.status == status
    if part is not None:
        assert body == whole[part]


def test_what_is_known_is_not_sent_again(server: Server, place: Path) -> None:
    response, _ = server.ask(MODEL)
    manifest = json.loads((place / "question_answering" / "edge_distil.json").read_text("utf-8"))
    tag = response.headers["etag"]
    assert tag == f'"{manifest["variants"]["fp32"]["file"]["sha256"]}"'
    assert response.headers["cache-control"] == "no-cache"
    again, body = server.ask(MODEL, if_none_match=f'"other", W/{tag}')
    assert (again.status, body) == (304, b"")
    assert server.ask(MODEL, if_none_match='"other"')[0].status == 200
    hashed, _ = server.ask("/assets/index-abc.js")
    assert "immutable" in hashed.headers["cache-control"]


def test_texts_are_compressed_and_models_are_not(server: Server) -> None:
    plain, whole = server.ask("/assets/index-abc.js")
    response, packed = server.ask("/assets/index-abc.js", accept_encoding="br, gzip")
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == whole
    assert len(packed) < len(whole) / 10
    assert response.headers["etag"] != plain.headers["etag"]
    assert "accept-encoding" in response.headers["vary"]
    assert "content-encoding" not in server.ask(MODEL, accept_encoding="gzip")[0].headers


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/bundles/question_answering/../../secret.txt",
        "/bundles/question_answering/%2e%2e/%2e%2e/secret.txt",
        "/bundles/question_answering/..%2f..%2fsecret.txt",
        "/bundles/question_answering/%252e%252e/secret.txt",
        "/bundles/question_answering/..%5c..%5csecret.txt",
        "/bundles/question_answering/..\\..\\secret.txt",
        "/bundles/question_answering/onnx/model.onnx%00.txt",
        "/bundles/question_answering//onnx/model.onnx",
        "/bundles/question_answering/./config.json",
        "/bundles/question_answering/notes.txt",
        "/bundles/question_answering/link.json",
        "/bundles/question_answering",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/C:%5cWindows%5cwin.ini",
        "/bundles/question_answering/config.json::$DATA",
        "/bundles/question_answering/%c0%ae%c0%ae/secret.txt",
    ],
)
def test_nothing_beside_what_is_served(server: Server, path: str) -> None:
    response, body = server.ask(path)
    assert response.status in (400, 404), path
    assert b"secret" not in body
    assert b"root:" not in body


def test_an_absolute_address_and_a_broken_request_find_nothing(server: Server) -> None:
    for raw in (
        b"GET http://127.0.0.1/../secret.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ):
        first = server.send(raw)
        assert first.split()[1] in (b"400", b"404")
    assert server.ask("/")[0].status == 200


def test_another_name_for_this_machine_is_refused(server: Server) -> None:
    assert server.ask("/", host="rebound.example:8000")[0].status == 421
    for known in ("localhost:1", "127.0.0.1", "[::1]:8000", "192.168.0.7:8000"):
        assert server.ask("/", host=known)[0].status == 200


def test_a_file_that_was_changed_or_replaced_by_a_link_is_not_served(
    place: Path, tmp_path: Path
) -> None:
    bundle = shutil.copytree(place / "question_answering", tmp_path / "qa", symlinks=True)
    with serving(place / "page", tmp_path / "phones", bundle) as server:
        assert server.ask("/bundles/qa/config.json")[0].status == 200
        (bundle / "config.json").unlink()
        (bundle / "config.json").symlink_to(place / "secret.txt")
        response, body = server.ask("/bundles/qa/config.json")
        assert (response.status, b"secret" in body) == (409, False)


def test_measurements_are_taken_with_the_token(server: Server, place: Path) -> None:
    sent = REPORT.read_bytes()
    response, body = server.ask("/measurements", "POST", sent, authorization=f"Bearer {TOKEN}")
    assert response.status == 201
    assert (place / "phones" / json.loads(body)["stored"]).read_bytes() == sent


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
def test_measurements_without_the_token_are_refused(
    server: Server, place: Path, given: str
) -> None:
    before = sorted((place / "phones").iterdir())
    response, _ = server.ask("/measurements", "POST", REPORT.read_bytes(), authorization=given)
    assert response.status == 401
    assert sorted((place / "phones").iterdir()) == before


def _damaged() -> dict[str, bytes]:
    document = json.loads(REPORT.read_bytes())
    first = document["runs"][0]

    def with_run(**changes: object) -> bytes:
        return json.dumps({**document, "runs": [{**first, **changes}]}).encode()

    return {
        "not JSON": b"{",
        "not UTF-8": b"\xff\xfe{}",
        "another document": b'{"schema": "other"}',
        "a list": b"[]",
        "deep": b"[" * 100_000,
        "cut": REPORT.read_bytes()[:-100],
        "no device": json.dumps({**document, "device": None}).encode(),
        "a device that is a number": json.dumps({**document, "device": 5}).encode(),
        "runs that are no list": json.dumps({**document, "runs": {}}).encode(),
        "a run that is no object": json.dumps({**document, "runs": [1]}).encode(),
        "a field more": with_run(more=1),
        "times that are texts": with_run(total_ns=["1"] * len(first["total_ns"])),
        "a column that is shorter": with_run(total_ns=first["total_ns"][1:]),
        "a phase that there is not": with_run(phase=["late"] * len(first["phase"])),
        "no number": json.dumps({**document, "environment": {"x": float("nan")}}).encode(),
    }


@pytest.mark.parametrize("kind", _damaged())
def test_malformed_measurements_are_refused(server: Server, place: Path, kind: str) -> None:
    before = sorted((place / "phones").iterdir())
    sent = _damaged()[kind]
    response, body = server.ask("/measurements", "POST", sent, authorization=f"Bearer {TOKEN}")
    assert response.status == 422, body
    assert len(json.loads(body)["error"].splitlines()) == 1
    assert sorted((place / "phones").iterdir()) == before


def test_oversized_measurements_are_refused_before_they_are_read(server: Server) -> None:
    head = f"POST /measurements HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    for promise in ("99999999999", "-1", "x"):
        first = server.send(f"{head}Content-Length: {promise}\r\n\r\n".encode())
        assert first.split()[1] in (b"400", b"413")
    more = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    first = server.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + more * 20)
    assert first.split()[1] == b"413"
    assert server.resident() < 400 << 20


def test_a_name_cannot_lead_out_of_the_folder(server: Server, place: Path) -> None:
    document = json.loads(REPORT.read_bytes()) | {"device": "../../../escaped", "created": "/etc/x"}
    sent = json.dumps(document).encode()
    response, body = server.ask("/measurements", "POST", sent, authorization=f"Bearer {TOKEN}")
    assert response.status == 201
    assert json.loads(body)["stored"] == "measurements-escaped-etc-x.json"
    assert (place / "phones" / "measurements-escaped-etc-x.json").is_file()
