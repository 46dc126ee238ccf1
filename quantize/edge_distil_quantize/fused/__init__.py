"""A variant's graph with onnxruntime's own operators, for rows without padding."""

__all__: list[str] = []
