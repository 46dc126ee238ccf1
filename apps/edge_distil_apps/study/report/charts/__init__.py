"""Drawings of the report, as SVG in the page."""

__all__: list[str] = []
