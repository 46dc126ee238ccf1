"""Regenerate qa_expected.json: what the original question-answering pipeline answers.

transformers dropped that pipeline in version 5, so this script needs an environment of its own,
apart from the project's:

    python -m venv oracle
    oracle/bin/pip install transformers==4.57.6 torch==2.13.0
    oracle/bin/python tests/golden/regenerate_qa.py

It runs every case of qa_cases.json through the embedded checkpoint in fp32, one at a time. With
``--squad FILE`` it answers the questions of a SQuAD v1.1 file instead, with default parameters:

    oracle/bin/python tests/golden/regenerate_qa.py --squad dev.json --output pipeline_dev.json
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DEFAULT_MODEL = HERE.parents[1] / "apps" / "models" / "minilm-l6-squad"
PINNED = {"transformers": "4.57.6", "torch": "2.13.0"}
RECORDED = ("transformers", "tokenizers", "torch", "numpy")
PROGRESS_EVERY = 50  # questions between two lines on stderr

Case = dict[str, Any]
Answer = dict[str, Any]
Pipeline = Callable[..., Answer | list[Answer]]


def read_cases(path: Path) -> list[Case]:
    """Reads cases of the form ``{"id", "question", "context", "params"}``."""
    cases: list[Case] = json.loads(path.read_text(encoding="utf-8"))
    return cases


def read_squad(path: Path) -> list[Case]:
    """Turns every question of a SQuAD v1.1 file into a case with default parameters."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    return [
        {"id": qa["id"], "question": qa["question"], "context": paragraph["context"], "params": {}}
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


def versions() -> dict[str, str]:
    """Returns the versions that the answers depend on.

    Raises:
        SystemExit: if a pinned package has another version.
    """
    found = {name: importlib.metadata.version(name) for name in RECORDED}
    for name, wanted in PINNED.items():
        if found[name].partition("+")[0] != wanted:
            raise SystemExit(f"{name} {found[name]} is installed; install {name}=={wanted}")
    return found


def load_pipeline(model_dir: Path) -> Pipeline:
    """Loads the checkpoint in fp32 into the question-answering pipeline."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, pipeline

    model = AutoModelForQuestionAnswering.from_pretrained(model_dir, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    loaded: Pipeline = pipeline(
        "question-answering", model=model, tokenizer=tokenizer, device="cpu"
    )
    return loaded


def answer_all(pipe: Pipeline, cases: list[Case]) -> Iterator[dict[str, Any]]:
    """Answers the cases in order; the pipeline's single answer becomes a list of one."""
    for number, case in enumerate(cases, start=1):
        answers = pipe(question=case["question"], context=case["context"], **case["params"])
        yield {"id": case["id"], "answers": answers if isinstance(answers, list) else [answers]}
        if number % PROGRESS_EVERY == 0 or number == len(cases):
            print(f"{number}/{len(cases)}", file=sys.stderr, flush=True)


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Writes pure ASCII, because editors normalise combining marks and drop invisible ones."""
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")


def parse_args() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="checkpoint directory")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--cases", type=Path, default=HERE / "qa_cases.json", help="cases to run")
    source.add_argument("--squad", type=Path, help="SQuAD v1.1 file to answer instead")
    parser.add_argument("--output", type=Path, help="default: qa_expected.json beside this script")
    args = parser.parse_args()
    if args.squad and not args.output:
        parser.error("--squad needs --output: qa_expected.json belongs to the cases")
    args.output = args.output or HERE / "qa_expected.json"
    return args


def main() -> None:
    """Answers the chosen cases and writes them with what they depend on."""
    args = parse_args()
    found = versions()
    cases = read_squad(args.squad) if args.squad else read_cases(args.cases)
    weights = args.model / "model.safetensors"
    document = {
        "versions": found,
        "checkpoint_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "results": list(answer_all(load_pipeline(args.model), cases)),
    }
    write_json(args.output, document)


if __name__ == "__main__":
    main()
