"""The report of a study: one HTML file that needs no other, and a summary in Markdown."""

from edge_distil_apps.study.report.page import write_report

__all__ = ["write_report"]
