"""Every verb and every task from outside: nothing left but its output, no connection."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from outside import Seen, missing, watch

TESTS = Path(__file__).parents[1]
TINY = TESTS / "golden" / "tiny"
CLI = ("-m", "edge_distil_apps.cli")
# What docs/privacy.md names: folders of libraries, in the user's cache or for the time being.
DOCUMENTED = ("tmp/torchinductor_", "home/.cache/edge-distil")
# What docs/privacy.md says of files beside an output: hidden, named for it. One for a moment that
# never had a name is there, too, as Linux names it.
HIDDEN = r"\.+{}\.(lock|parts|parts\.lock|[0-9a-f]+\.part)|#\d+"
LOOPBACK = {"127.0.0.1", "::1"}

pytestmark = [
    pytest.mark.safety,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all is there"),
]
Verb = Callable[..., Seen]


@pytest.fixture
def verb(tmp_path: Path) -> Verb:
    """Run a verb in an empty home; what it may write is named ``OUT/...``."""
    out = tmp_path / "out"
    out.mkdir()

    def run(*arguments: str | Path, program: tuple[str | Path, ...] = CLI) -> Seen:
        root = tmp_path / f"run{len(list(tmp_path.glob('run*')))}"
        seen = watch(root, *program, *(str(word).replace("OUT", str(out)) for word in arguments))
        assert seen.status == 0, seen.err
        assert [path for path in seen.left if not documented(path)] == []
        named = [str(word).removeprefix("OUT/") for word in arguments if "OUT/" in str(word)]
        places = (str(root / "tmp"), "/dev/", "/proc/")
        others = (path for path in seen.written if not path.startswith(places))
        others = (path for path in others if not is_output(path, out, named))
        assert [p for p in others if not documented(p.removeprefix(f"{root}/"))] == []
        assert seen.addresses <= LOOPBACK
        return seen

    return run


def is_output(path: str, out: Path, named: list[str]) -> bool:
    """Say whether a path is one that was named, or one beside it while the verb works."""
    if not path.startswith(f"{out}/"):
        return False
    first = Path(path).relative_to(out).parts[0]
    return any(first == name or re.fullmatch(HIDDEN.format(name), first) for name in named)


def documented(path: str) -> bool:
    """Say whether docs/privacy.md names a path, or one inside it."""
    return path.startswith(DOCUMENTED) or any(name.startswith(f"{path}/") for name in DOCUMENTED)


def test_the_watch_sees_a_file_and_an_address(tmp_path: Path) -> None:
    code = (
        "import pathlib, socket; pathlib.Path.home().joinpath('x').write_text('')\n"
        "s = socket.socket(); s.settimeout(1); s.connect_ex(('192.0.2.7', 80))"
    )
    seen = watch(tmp_path, "-c", code)
    assert seen.left == ("home/x",)
    assert str(tmp_path / "home/x") in seen.written
    assert seen.addresses == {"192.0.2.7"}


def test_the_watch_sees_what_onnxruntime_does_when_it_is_let(tmp_path: Path) -> None:
    seen = watch(tmp_path, "-c", "import edge_distil.session", ORT_DISABLE_TELEMETRY="0")
    assert any(name.endswith("/deviceid") for name in seen.left)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("question_answering", ["-q", "Who wrote?", "-c", "Ada wrote the program."]),
        ("embedding", ["a text", "another"]),
        ("text_classification", ["a charming film", "another"]),
        ("multi_label", ["a charming film"]),
        ("token_classification", ["Ada lives in London", "another"]),
        ("fill_mask", ["london is a [MASK] ."]),
    ],
)
def test_run_of_every_task(verb: Verb, name: str, words: list[str]) -> None:
    assert verb("run", TINY / name, *words, "--json").out.strip()


def test_a_task_object_over_every_call(verb: Verb) -> None:
    code = f"""
import edge_distil as ed
qa = ed.load({str(TINY / "question_answering")!r}, variant="int8", verify=True, threads=2)
for _ in range(20):
    qa("Who wrote?", "Ada wrote the program."), qa.batch([("Who?", "Ada wrote.")] * 9)
embedding = ed.Embedding.load({str(TINY / "embedding")!r}, threads=2)
list(embedding.stream(["one", "two"] * 50)), embedding.encode(["one"] * 50)
"""
    verb(code, program=("-c",))


def test_embed(verb: Verb, tmp_path: Path) -> None:
    texts = tmp_path / "in.txt"
    texts.write_text("one text\nanother\n")
    verb("embed", TINY / "embedding", texts, "-o", "OUT/vectors.npy")
    verb("embed", TINY / "embedding", texts, "-o", "OUT/vectors.parquet")


def test_eval(verb: Verb, tmp_path: Path) -> None:
    question = {
        "id": "1",
        "question": "Who wrote?",
        "answers": [{"text": "Ada", "answer_start": 0}],
    }
    paragraph = {"context": "Ada wrote.", "qas": [question]}
    data = tmp_path / "squad.json"
    data.write_text(json.dumps({"version": "1.1", "data": [{"paragraphs": [paragraph]}]}))
    verb("eval", TINY / "question_answering", "--data", data)


def test_inspect_and_doctor(verb: Verb) -> None:
    verb("inspect", TINY / "embedding")
    verb("doctor")
    verb("doctor", TINY / "embedding", "--threads", "1")


def test_search(verb: Verb, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("The ship sat on the mat.")
    verb("search", "--build", docs, "-o", "OUT/index", "--bundle", TINY / "embedding")
    verb("search", "OUT/index", "ship", "--answer", "--qa", TINY / "question_answering")


def test_quantize(verb: Verb, tmp_path: Path) -> None:
    shutil.copytree(TINY / "question_answering", tmp_path / "out" / "qa")
    verb("quantize", "OUT/qa", "--weights-only", "--ort")


def test_export(verb: Verb, tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertForQuestionAnswering

    source, checkpoint = TINY / "question_answering", tmp_path / "checkpoint"
    config = DistilBertConfig(
        vocab_size=151, dim=16, n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=64
    )
    DistilBertForQuestionAnswering(config).save_pretrained(checkpoint)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copyfile(source / name, checkpoint / name)
    verb("export", checkpoint, "-o", "OUT/qa", "--int8")


def test_what_asks_nothing_of_the_hub(verb: Verb) -> None:
    verb("push", TINY / "embedding", "ada/qa", "--dry-run")
    verb("models")
    verb("cache")


def test_bench(verb: Verb) -> None:
    options = ("--queries", "8", "--seconds", "0", "--processes", "2", "--threads", "1")
    verb("bench", TINY / "embedding", *options, "-o", "OUT/bench.json")


@pytest.mark.slow
def test_study(verb: Verb, tmp_path: Path) -> None:
    from study_models import make_models

    models = make_models(tmp_path / "study")
    small = (TESTS / "apps" / "study_small.py",)
    options = ("--models", models, "--threads", "1", "--device", "d")
    verb("study", *options, "-o", "OUT/study", program=small)
