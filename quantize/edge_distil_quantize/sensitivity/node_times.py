"""Where the time goes: onnxruntime's profile of a model, by operator of the fp32 graph."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from edge_distil_quantize.recipe import Feeds
from edge_distil_quantize.rewrites.operators import Operator

_KERNEL = "_kernel_time"
_ROUNDS = 9  # over the inputs, after one that is not counted
_ERRORS_ONLY = 3
_KINDS = {"tensor(int32)": np.int32}  # of inputs; ours take 64 bits


def node_times(model: Path, inputs: Sequence[Feeds], folder: Path) -> dict[str, float]:
    """Run a model on one thread and return the microseconds that each node takes for all inputs.

    Args:
        model: The file.
        inputs: Texts, each by itself; every round runs them all.
        folder: Where onnxruntime may write its profile.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.log_severity_level = _ERRORS_ONLY
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    kinds = {i.name: _KINDS.get(i.type, np.int64) for i in session.get_inputs()}
    for _ in range(_ROUNDS + 1):
        for feeds in inputs:
            session.run(None, {n: feeds[n].astype(kind, copy=False) for n, kind in kinds.items()})
    events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return _least(events, len(inputs))


def _least(events: Iterable[Mapping[str, Any]], texts: int) -> dict[str, float]:
    """Return each node's time for all texts: for each the least of the rounds.

    A kernel is never faster than it is; it is slower whenever the machine does something else.
    """
    runs: dict[str, list[float]] = defaultdict(list)
    for event in events:
        name = str(event["name"])
        if event.get("cat") == "Node" and name.endswith(_KERNEL):
            runs[name.removesuffix(_KERNEL)].append(event["dur"])
    return {
        name: float(np.reshape(durations, (-1, texts))[1:].min(axis=0).sum())
        for name, durations in runs.items()
        if len(durations) == (_ROUNDS + 1) * texts
    }


def by_operator(
    times: Mapping[str, float], owners: Mapping[str, Collection[str]]
) -> tuple[dict[str, float], float]:
    """Share the times of nodes out among operators.

    >>> by_operator({"a": 4.0, "a_q/fused": 1.0, "b": 5.0}, {"a": ["A"], "a_q": ["A", "B"]})
    ({'A': 4.5, 'B': 0.5}, 10.0)

    Args:
        times: Node -> time. A node that was fused is called ``name/what`` or by a new name.
        owners: Node -> the operators that need it, which pay alike.

    Returns:
        Operator -> time, and the time of all nodes.
    """
    shares: dict[str, float] = defaultdict(float)
    for node, spent in times.items():
        payers = owners.get(node) or owners.get(node.partition("/")[0], ())
        for payer in payers:
            shares[payer] += spent / len(payers)
    return dict(shares), sum(times.values())


def owners_of_nodes(
    variant: onnx.ModelProto, exact: onnx.ModelProto, operators: Sequence[Operator]
) -> dict[str, list[str]]:
    """Return which operators each node of a variant belongs to.

    An operator's nodes are those between its output and the values that the fp32 graph has too:
    its bias, its product, what quantizes its input, and the rows looked up in its matrix. What
    several operators need has several owners.

    Args:
        variant: A variant that a recipe made, or the fp32 model itself.
        exact: The fp32 model.
        operators: The operators.
    """
    makers = {output: node for node in variant.graph.node for output in node.output}
    products = {node.name: set(node.output) for node in exact.graph.node}
    known = set().union(*products.values())
    owners: dict[str, list[str]] = {}
    for operator in operators:
        ends = {operator.output, *operator.lookups}
        for node in _behind(ends, makers, known - products[operator.name] - ends):
            owners.setdefault(node, []).append(operator.name)
    return owners


def _behind(
    values: Collection[str], makers: Mapping[str, onnx.NodeProto], border: Collection[str]
) -> Collection[str]:
    """Return the nodes that `values` are made by, back to the values in `border`."""
    waiting, found = sorted(values), dict[str, None]()
    while waiting:
        name = waiting.pop()
        if name in makers and name not in border and makers[name].name not in found:
            found[makers[name].name] = None
            waiting += makers[name].input
    return found
