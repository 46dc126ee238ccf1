"""Arithmetic in numpy: how numbers are rounded to 8 and 4 bits, without a graph."""

__all__: list[str] = []
