"""How fast is it, here? Models timed side by side, and which to use on this machine."""

from edge_distil_bench.distribution import Estimate
from edge_distil_bench.latency import alternate, median_interval, speedup
from edge_distil_bench.recommendation import Candidate, Recommendation, Score, recommend
from edge_distil_bench.variants import Speed, measure_speeds, time_ratio

__all__ = [
    "Candidate",
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
