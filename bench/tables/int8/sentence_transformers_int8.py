"""Export and quantize with sentence-transformers, in its own environment.

Usage: python sentence_transformers_int8.py CHECKPOINT FOLDER CONFIGURATION...
"""

import sys

from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model


def main(checkpoint: str, folder: str, *configurations: str) -> None:
    """Do what its documentation says: export, then one file a configuration below FOLDER/onnx."""
    model = SentenceTransformer(
        checkpoint,
        backend="onnx",
        model_kwargs={"provider": "CPUExecutionProvider", "export": True},
        local_files_only=True,
    )
    for name in configurations:
        export_dynamic_quantized_onnx_model(model, name, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
