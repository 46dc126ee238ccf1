"""Open a bundle with fastembed, as a custom model, and print its vectors as JSON.

Usage: python fastembed_custom.py BUNDLE FILE REQUEST.json

fastembed knows nothing of ``modules.json``: whoever registers a custom model names the pooling
and the normalisation. The request may instead name an output that is pooled already.
"""

import json
import sys
from pathlib import Path

import numpy as np
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType

NAME = "interop/bundle"


def register(file: str, dimension: int, output_name: str | None) -> None:
    """Tell fastembed of the bundle's model file.

    Args:
        file: The model file inside the bundle.
        dimension: Length of its vectors.
        output_name: A graph output that is pooled already, or None to mean-pool the first output.
    """
    pooling = PoolingType.MEAN if output_name is None else PoolingType.DISABLED
    TextEmbedding.add_custom_model(
        model=NAME,
        pooling=pooling,
        normalization=output_name is None,
        sources=ModelSource(hf=NAME),
        dim=dimension,
        model_file=file,
        **({} if output_name is None else {"output_name": output_name}),
    )


def main(bundle: str, file: str, request_path: str) -> None:
    """Embed the request's texts as a user of the library would.

    Args:
        bundle: The bundle directory.
        file: The model file inside it, such as ``onnx/model_quantized.onnx``.
        request_path: A JSON file, ``{"texts": [...], "batch_size": int, "dimension": int}`` and
            perhaps ``"output_name"``.
    """
    request = json.loads(Path(request_path).read_text(encoding="utf-8"))
    register(file, request["dimension"], request.get("output_name"))
    model = TextEmbedding(
        NAME,
        specific_model_path=bundle,
        providers=["CPUExecutionProvider"],
        local_files_only=True,
    )
    vectors = np.stack(list(model.embed(request["texts"], batch_size=request["batch_size"])))
    print(json.dumps({"vectors": vectors.tolist()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
