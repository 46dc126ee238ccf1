"""Export with sentence-transformers' OpenVINO backend, in its own environment.

Usage: python openvino_export.py CHECKPOINT FOLDER
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # reports each import

from sentence_transformers import SentenceTransformer  # noqa: E402 - after the line above


def main(checkpoint: str, folder: str) -> None:
    """Do what its documentation says: export, then save for the next time."""
    model = SentenceTransformer(
        checkpoint, backend="openvino", model_kwargs={"export": True}, local_files_only=True
    )
    model.save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
