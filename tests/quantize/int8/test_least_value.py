"""What is known of an activation function's least value, against PyTorch's own functions."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import shelf
import torch

from edge_distil_quantize.rewrites.least_value import least_value

GRID_STEP = 1e-4  # how far from the true minimum a point of the grid can lie
FUNCTIONS = {
    "gelu": torch.nn.GELU(),
    "gelu by tanh": torch.nn.GELU("tanh"),
    "relu": torch.nn.ReLU(),
    "silu": torch.nn.SiLU(),
}


class Layer(torch.nn.Module):
    """A linear layer and what follows it."""

    def __init__(self, function: torch.nn.Module) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self.linear(x))


def exported(function: torch.nn.Module) -> ir.Value:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own
        program = torch.onnx.export(
            Layer(function), (torch.ones(2, 4),), dynamo=True, verbose=False
        )
    assert program is not None
    return program.model.graph.outputs[0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_short_negative_sides_are_found(name):
    dense = FUNCTIONS[name](torch.linspace(-50, 50, 1_000_001, dtype=torch.float64))
    assert least_value(exported(FUNCTIONS[name])) == pytest.approx(
        float(dense.min()), abs=GRID_STEP
    )


@pytest.mark.parametrize(
    "function", [torch.nn.Tanh(), torch.nn.Identity(), torch.nn.LeakyReLU(0.1), torch.nn.ELU()]
)
def test_long_negative_sides_are_not(function):
    assert least_value(exported(function)) is None


def test_a_product_of_two_values_is_no_function_of_one():
    """As in gated feed-forward blocks: GELU of one half times the other."""
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 20]>
        g (float[b, 4] x, float[b, 4] y) => (float[b, 4] z) { a = Gelu(x)  z = Mul(a, y) }"""
    )
    assert least_value(ir.from_proto(model).graph.outputs[0]) is None


def test_gelu_gets_most_of_uint8(bundle):
    model = onnx.load(shelf.quantize(bundle("qa"), calibrate=False).model_path("int8"))
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    points = [int(stored[n.input[2]]) for n in model.graph.node if n.op_type == "MatMulInteger"]
    assert sorted(points) == [32] * 2 + [128] * 10  # two feed-forward blocks
    steps = sorted(float(value) for name, value in stored.items() if name.startswith("step"))
    np.testing.assert_allclose(steps, [1 / 223, 1 / 127], rtol=1e-6)
