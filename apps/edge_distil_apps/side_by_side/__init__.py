"""Models measured side by side on this machine, and which of them to ship."""

from edge_distil_apps.side_by_side.conclusions import Conclusions, Row, conclude
from edge_distil_apps.side_by_side.contenders import Contender, find_contenders
from edge_distil_apps.side_by_side.measure import Plan, measure
from edge_distil_apps.side_by_side.texts import choose_queries

__all__ = [
    "Conclusions",
    "Contender",
    "Plan",
    "Row",
    "choose_queries",
    "conclude",
    "find_contenders",
    "measure",
]
