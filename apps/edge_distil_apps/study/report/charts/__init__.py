"""Drawings of the report, as SVG in the page."""
