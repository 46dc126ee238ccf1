"""The sensitivity report as a page: one self-contained HTML file that opens offline."""

from edge_distil_apps.report.page import render

__all__ = ["render"]
