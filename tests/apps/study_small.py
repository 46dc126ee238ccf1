"""The command line with a plan of seconds in the place of `edge-distil study`'s."""

from __future__ import annotations

from edge_distil_apps import cli
from edge_distil_apps.study import plan, run
from edge_distil_apps.study.architectures import BERT, DISTILBERT
from edge_distil_apps.study.inputs import FULL_PASSAGE, PADDED, PAIRS, QUESTIONS, UNPADDED
from edge_distil_bench.protocol.design import Effort, Protocol

QUERIES = 16  # timed ones of each model, questions
PROTOCOL = Protocol("small", processes=2, warmup_runs=2, warmup_seconds=0.0, turn=2, cold_starts=1)


def small_plan(*, quick: bool, threads: int, pairs: int) -> plan.Plan:
    assert threads == 1
    efforts = {name: Effort(1) for name in (FULL_PASSAGE, PADDED, UNPADDED)}
    efforts = {QUESTIONS: Effort(QUERIES), **efforts, PAIRS: Effort(2 * pairs)}
    group = plan.Group("base", (DISTILBERT.name, BERT.name), 1, efforts, copied=True)
    curves, checks = plan.Curves((1, 2), 2, 0.01), plan.Checks(3, 0.01, 1)
    return plan.Plan(PROTOCOL, (group,), curves, checks, (1,), peak_rates=0.001, scored=4)


def main() -> None:
    run.make_plan = small_plan
    cli.main()


if __name__ == "__main__":
    main()
