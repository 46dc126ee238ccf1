"""What can stay in fp32: the products and tables that ``int8`` quantizes, and what they are called.

The exporter folds a layer's matrix into a constant without a name, while the bias beside it keeps
the checkpoint's: an operator is called by its bias, ``encoder.layer.3.output.dense``.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from edge_distil.errors import QuantizeError
from edge_distil_quantize.rewrites.editing import sizes
from edge_distil_quantize.rewrites.embedding import find_tables
from edge_distil_quantize.rewrites.matmul import Target, find_bias, find_targets

_LAYER = re.compile(r"(?:^|[._])(?:layers?|blocks?|h)\.(\d+)\.(.+)$")
Tables = Mapping[ir.Value, list[ir.Node]]


@dataclass(frozen=True)
class Operator:
    """An operator that ``int8`` quantizes.

    Attributes:
        name: The node's name in the fp32 graph, as `Request.keep` takes it.
        label: Its name in the checkpoint; the node's where that is not known.
        layer: Its layer, counted from 0; ``None`` outside of layers.
        role: What it does there, such as ``"attention.self.query"``.
        input: The activation that it multiplies (token ids for a table).
        output: The value that it gives, its bias included.
        lookups: What is looked up in its matrix: a table's values, a tied head's too.
        weight: Name of the stored matrix.
        shape: ``(inputs, outputs)`` of a product, ``(rows, dimension)`` of a table.
        readers: Operators that share the matrix (ALBERT's layers), this one included.
        is_table: True where rows are looked up, and nothing is multiplied.
    """

    name: str
    label: str
    layer: int | None
    role: str
    input: str
    output: str
    lookups: tuple[str, ...]
    weight: str
    shape: tuple[int, int]
    readers: int
    is_table: bool

    @property
    def fp32_bytes(self) -> int:
        """Size of the matrix in float32, the extra cost of keeping the operator in fp32."""
        return 4 * math.prod(self.shape)


def find_operators(graph: ir.Graph) -> list[Operator]:
    """Return what `Request.keep` may name, in the graph's order.

    A table that a product reads too (a tied head) is one operator with it.
    """
    targets, tables = find_targets(graph), find_tables(graph)
    readers = Counter(t.weight for t in targets)
    found = {
        gathers[0]: _lookup(table, gathers)
        for table, gathers in tables.items()
        if table not in readers
    }
    for target in targets:
        gathers = tables.get(target.weight, [])
        found[target.node] = _product(target, readers[target.weight], gathers)
    return _named([found[node] for node in graph if node in found])


def without_kept(
    targets: Sequence[Target], tables: Tables, keep: Iterable[str]
) -> tuple[list[Target], dict[ir.Value, list[ir.Node]]]:
    """Leave out the operators that stay in fp32.

    A tied table stays whole with its head: stored in fp32 once, it serves both.

    Raises:
        QuantizeError: `keep` names an operator that is not there.
    """
    names = {t.node.name for t in targets} | {g.name for nodes in tables.values() for g in nodes}
    if unknown := sorted(set(keep) - names):
        raise QuantizeError(
            f"no operator {', '.join(map(repr, unknown))} to keep in fp32, expected some of "
            f"{', '.join(sorted(map(str, names)))}"
        )
    kept = set(keep)
    heads = {t.weight for t in targets if t.node.name in kept}
    return (
        [t for t in targets if t.node.name not in kept],
        {
            table: nodes
            for table, nodes in tables.items()
            if table not in heads and not kept & {str(node.name) for node in nodes}
        },
    )


def _product(target: Target, readers: int, gathers: Sequence[ir.Node]) -> Operator:
    x, (last, bias) = target.node.inputs[0], find_bias(target.node)
    # Equal constants are stored once: a bias of zeros may carry the name of any other.
    own = bias if bias is not None and len(list(bias.uses())) == readers else None
    rows, columns = sizes(target.weight)
    return Operator(
        name=str(target.node.name),
        label=_stem(own) or _stem(target.weight) or str(target.node.name),
        layer=None,
        role="",
        input=str(x.name) if x is not None else "",
        output=str(last.outputs[0].name),
        lookups=_outputs(gathers),
        weight=str(target.weight.name),
        shape=(columns, rows) if target.transposed else (rows, columns),
        readers=readers,
        is_table=False,
    )


def _lookup(table: ir.Value, gathers: Sequence[ir.Node]) -> Operator:
    rows, dimension = sizes(table)
    ids = gathers[0].inputs[1]
    return Operator(
        name=str(gathers[0].name),
        label=_stem(table) or str(gathers[0].name),
        layer=None,
        role="",
        input=str(ids.name) if ids is not None else "",
        output=str(gathers[0].outputs[0].name),
        lookups=_outputs(gathers),
        weight=str(table.name),
        shape=(rows, dimension),
        readers=1,
        is_table=True,
    )


def _outputs(nodes: Sequence[ir.Node]) -> tuple[str, ...]:
    return tuple(str(node.outputs[0].name) for node in nodes)


def _stem(value: ir.Value | None) -> str:
    """Return ``a.b`` of ``a.b.weight``; nothing of a constant that the exporter named."""
    name = str(value.name) if value is not None else ""
    return name.rpartition(".")[0] if name.endswith((".weight", ".bias")) else ""


def _named(operators: list[Operator]) -> list[Operator]:
    """Drop what all labels begin with, number shared ones, and read layer and role off them."""
    shared = Counter(operator.label for operator in operators)
    common = _common_prefix([o.label for o in operators if o.label != o.name])
    passes: Counter[str] = Counter()
    named = []
    for operator in operators:
        label = operator.label.removeprefix(common)
        layer, role = _place(label)
        if shared[operator.label] > 1:  # one layer's weights, run several times
            layer = passes[label]
            passes[label] += 1
            label = f"{label} (pass {layer})"
        named.append(dataclasses.replace(operator, label=label, layer=layer, role=role))
    return named


def _place(label: str) -> tuple[int | None, str]:
    """Split a label into layer and role.

    >>> _place("encoder.layer.3.attention.self.query")
    (3, 'attention.self.query')
    >>> _place("embeddings.word_embeddings")
    (None, 'embeddings.word_embeddings')
    """
    match = _LAYER.search(label)
    return (int(match[1]), match[2]) if match else (None, label)


def _common_prefix(labels: Sequence[str]) -> str:
    """Return the leading names that all labels share.

    >>> _common_prefix(["model.bert.embeddings.words", "model.bert.encoder.layer.0.output"])
    'model.bert.'
    """
    parts = [label.split(".")[:-1] for label in labels]
    shared: list[str] = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return "".join(f"{name}." for name in shared)
