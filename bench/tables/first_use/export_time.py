"""Export and int8 of DistilBERT-base, parity check included, against optimum's two commands.

    .venv/bin/python bench/tables/first_use/export_time.py [--rounds 3]

DistilBERT-base with seeded random weights, 66 M parameters. The peer (optimum 2.1, optimum-onnx
0.1, transformers 4.57.6) lives in an environment of its own below .interop.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from edge_distil_bench.protocol.commands import alternate_commands
from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import commands_table
from tables.shared.places import export_python, peer_python

PEER = "optimum-cli"


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
            "edge-distil export --int8 --no-calibration": [
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
        print(commands_table(alternate_commands(commands, rounds), PEER))


if __name__ == "__main__":
    main()
