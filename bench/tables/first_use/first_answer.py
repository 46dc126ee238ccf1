"""Fresh process to first answer, and peak memory, against transformers 4.57.6's pipeline.

    .venv/bin/python bench/tables/first_use/first_answer.py [--rounds 7]

The same checkpoint, question and context; a process is timed from its start to its end, one
answer. The peer's environment (transformers 4.57.6, torch) is made once below .interop.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from edge_distil_bench.protocol.commands import alternate_commands, measure_command
from tables.shared.figures import commands_table
from tables.shared.places import EMBEDDED, export_python, peer_python

PEER = "transformers pipeline"
QUESTION = "Who built the lighthouse?"
CONTEXT = "The lighthouse was built in 1871 by the engineer Marta Lindqvist, on a granite reef."
OURS = """
import sys, edge_distil as ed
print(ed.load(sys.argv[1], variant=sys.argv[2])(sys.argv[3], sys.argv[4]))
"""
THEIRS = """
import sys, transformers
pipe = transformers.pipeline("question-answering", sys.argv[1], device="cpu")
print(pipe(question=sys.argv[2], context=sys.argv[3]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    peer = peer_python("optimum_onnx")
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "qa"
        # In a process of its own: a child's peak memory begins at that of its parent.
        measure_command([export_python().with_name("edge-distil"), "export", EMBEDDED, "-o", bundle,
                 "--int8"])  # fmt: skip
        commands = {
            f"edge-distil, {variant}": [
                [export_python(), "-P", "-c", OURS, bundle, variant, QUESTION, CONTEXT]
            ]
            for variant in ("fp32", "int8")
        }
        commands[PEER] = [[peer, "-P", "-c", THEIRS, EMBEDDED, QUESTION, CONTEXT]]
        print(commands_table(alternate_commands(commands, rounds), PEER))


if __name__ == "__main__":
    main()
