"""Export and int8 of DistilBERT-base, parity check included, against optimum's two commands.

    .venv/bin/python bench/export_time.py [--rounds 3]

DistilBERT-base with seeded random weights, 66 M parameters. The peer (optimum 2.1, optimum-onnx
0.1, transformers 4.57.6) lives in an environment of its own below .interop.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from processes import EMBEDDED, alternate, export_python, measure, peer_python, table

PEER = "optimum-cli"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
)


MAKE = """
import sys, torch
from transformers import DistilBertConfig, DistilBertForQuestionAnswering
torch.manual_seed(0)
DistilBertForQuestionAnswering(DistilBertConfig()).save_pretrained(sys.argv[1])
"""


def make_checkpoint(folder: Path) -> Path:
    """Save DistilBERT-base for question answering with seeded random weights."""
    measure([sys.executable, "-c", MAKE, folder])  # a child's peak memory begins at its parent's
    for name in TOKENIZER_FILES:
        shutil.copy(EMBEDDED / name, folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    optimum = peer_python("optimum_onnx").with_name("optimum-cli")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checkpoint = make_checkpoint(folder / "distilbert-base")
        ours = export_python().with_name("edge-distil")
        onnx, int8 = folder / "onnx", folder / "int8"
        commands: dict[str, list[list[str | Path]]] = {
            "edge-distil export --int8": [
                [
                    ours,
                    "export",
                    checkpoint,
                    "-o",
                    folder / "bundle",
                    "--int8",
                    "--no-calibration",
                    "--force",
                ]
            ],
            PEER: [
                [optimum, "export", "onnx", "-m", checkpoint, "--task", "question-answering", onnx],
                [optimum, "onnxruntime", "quantize", "--avx2", "--onnx_model", onnx, "-o", int8],
            ],
        }
        print(table(alternate(commands, rounds), PEER))


if __name__ == "__main__":
    main()
