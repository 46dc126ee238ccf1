"""Checkpoints of TensorFlow, read without it: their weights become those of PyTorch's classes."""

__all__: list[str] = []
