"""How fast is it, here? Models timed side by side, and which to use on this machine."""

from edge_distil_bench.side_by_side.recommendation import (
    Alternative,
    Recommendation,
    Score,
    recommend,
)
from edge_distil_bench.side_by_side.variants import Speed, measure_speeds, time_ratio
from edge_distil_bench.statistics.distribution import Estimate
from edge_distil_bench.statistics.latency import alternate, median_interval, speedup

__all__ = [
    "Alternative",
    "Estimate",
    "Recommendation",
    "Score",
    "Speed",
    "alternate",
    "measure_speeds",
    "median_interval",
    "recommend",
    "speedup",
    "time_ratio",
]
