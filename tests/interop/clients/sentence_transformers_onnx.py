"""Open a bundle with sentence-transformers' ONNX backend and print its vectors as JSON.

Usage: python sentence_transformers_onnx.py BUNDLE FILE REQUEST.json
"""

import json
import sys
from pathlib import Path

from sentence_transformers import SentenceTransformer


def main(bundle: str, file: str, request_path: str) -> None:
    """Encode the request's texts as a user of the library would.

    Args:
        bundle: The bundle directory.
        file: The model file inside it, such as ``onnx/model_quantized.onnx``.
        request_path: A JSON file, ``{"texts": [...], "batch_size": int}``.
    """
    request = json.loads(Path(request_path).read_text(encoding="utf-8"))
    model = SentenceTransformer(
        bundle,
        backend="onnx",
        model_kwargs={"file_name": file, "provider": "CPUExecutionProvider", "export": False},
        local_files_only=True,
    )
    vectors = model.encode(
        request["texts"], batch_size=request["batch_size"], show_progress_bar=False
    )
    print(json.dumps({"vectors": vectors.tolist(), "max_length": model.max_seq_length}))


if __name__ == "__main__":
    main(*sys.argv[1:])
