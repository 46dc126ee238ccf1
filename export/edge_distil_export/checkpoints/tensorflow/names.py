"""What a variable of TensorFlow is called in PyTorch, and how its axes lie there.

transformers named the layers of its TensorFlow classes so that one rule led to the weights of the
PyTorch class of the same name, whatever the family. It dropped those classes in version 5.

Source: the naming conventions in the docstring of ``convert_tf_weight_name_to_pt_weight_name``, and
the transpositions that it chooses, in ``modeling_tf_pytorch_utils`` of transformers 4.57.6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

_DEVICE = ":0"  # of a variable's name: its first output, and it has no other
_LIST_ITEM = "_._"  # item of a list: what stands behind it is a level of its own in PyTorch
_INSTEAD = "___"  # between a name that Keras wants to be unique and the one that counts
_LAST = {
    "kernel": "weight",
    "embeddings": "weight",
    "gamma": "weight",
    "beta": "bias",
    "pointwise_kernel": "pointwise.weight",
    "depthwise_kernel": "depthwise.weight",
}


def to_pytorch(name: str) -> str:
    """Return the name of the weight in PyTorch.

    Args:
        name: The variable's, without the model's own name in front.

    >>> to_pytorch("distilbert/transformer/layer_._0/attention/q_lin/kernel:0")
    'distilbert.transformer.layer.0.attention.q_lin.weight'
    >>> to_pytorch("bert/embeddings/LayerNorm/beta:0")
    'bert.embeddings.LayerNorm.bias'
    >>> to_pytorch("mlm___cls/predictions/bias:0")
    'cls.predictions.bias'
    """
    *levels, last = name.removesuffix(_DEVICE).split("/")
    scopes = [level.rpartition(_INSTEAD)[2] for level in levels]
    path = "/".join([*scopes, _LAST.get(last, last)]).replace(_LIST_ITEM, "/")
    return ".".join(level for level in path.split("/") if level)


def to_axes(name: str, values: Numbers) -> Numbers:
    """Return a variable's values with the axes in PyTorch's order, as a view.

    A kernel of TensorFlow has its outputs last, one of PyTorch first.

    Args:
        name: The variable's.
        values: A dense layer's kernel is ``(inputs, outputs)``, a convolution's ``(width, inputs,
            outputs)`` or ``(height, width, inputs, outputs)``, the depthwise part of a separable
            one ``(width, channels, 1)``.

    >>> to_axes("classifier/kernel:0", np.zeros((32, 2))).shape
    (2, 32)
    >>> to_axes("conv/kernel:0", np.zeros((3, 5, 32, 8))).shape
    (8, 32, 3, 5)
    >>> to_axes("key/depthwise_kernel:0", np.zeros((9, 32, 1))).shape
    (32, 1, 9)
    >>> to_axes("classifier/bias:0", np.zeros(2)).shape
    (2,)
    """
    last = name.removesuffix(_DEVICE).rpartition("/")[2]
    if last == "kernel" and values.ndim == 4:
        return values.transpose(3, 2, 0, 1)
    if last == "depthwise_kernel" and values.ndim == 3:
        return values.transpose(1, 2, 0)
    return values.T if last in ("kernel", "pointwise_kernel") else values
