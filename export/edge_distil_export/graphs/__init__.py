"""From a loaded model to an ONNX graph of standard operators."""

__all__: list[str] = []
