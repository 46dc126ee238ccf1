"""SetFit: an embedding model with a linear head of scikit-learn, which becomes a part of the graph.

The head is a pickle. Reading one runs what it says, so that is done for those alone who ask for it;
at run time there is neither pickle nor scikit-learn.

Source: ``SetFitModel.predict`` and ``predict_proba`` of SetFit 1.2.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil._reading.printable import first_line
from edge_distil.errors import CheckpointError, MissingExtra, reason
from edge_distil_export.checkpoints.checkpoint import Source

HEAD_FILE = "model_head.pkl"
SETTINGS_FILE = "config_setfit.json"
_TOLERANCE = 1e-6  # of a probability: what float32 may cost
_PROBES = 32
_LOGIT = 4.0  # the greatest of a probe, without the bias
_SEED = 7

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class FittedHead:
    """A linear classifier, as numbers.

    Attributes:
        weight: ``(classes, dimension)``.
        bias: ``(classes,)``.
        labels: A name for each class.
        multi_label: True where each class is decided for itself.
        one_vs_rest: True where the classes' sigmoids are scaled to a sum of 1; else softmax.
        normalize: True where the vector is scaled to length 1 first.
    """

    weight: Numbers
    bias: Numbers
    labels: tuple[str, ...]
    multi_label: bool
    one_vs_rest: bool
    normalize: bool

    @property
    def problem_type(self) -> str:
        """What transformers calls such a head."""
        return f"{'multi' if self.multi_label else 'single'}_label_classification"


def is_setfit(source: Source) -> bool:
    """True where the checkpoint is a SetFit model: an embedding model with a head beside it."""
    return any((source.root / name).is_file() for name in (HEAD_FILE, SETTINGS_FILE))


def load_head(source: Source, *, trust_pickle: bool) -> Any:
    """Unpickle the head.

    Raises:
        CheckpointError: It is absent or cannot be read, or `trust_pickle` is False.
        MissingExtra: sentence-transformers or scikit-learn is not installed.
    """
    file = source.root / HEAD_FILE
    if not file.is_file():
        raise CheckpointError(
            f"{source.name} is a SetFit model without its head, expected {HEAD_FILE}: fetch it "
            "again, or export its vectors with --task sentence-similarity"
        )
    if not trust_pickle:
        raise CheckpointError(
            f"{source.name}'s classification head is a pickle ({HEAD_FILE}), which may run code "
            "when read: pass --trust-pickle if you trust its maker, or export its vectors with "
            "--task sentence-similarity"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import joblib
            import sentence_transformers  # noqa: F401  the proof's
            import sklearn  # noqa: F401  the pickle's classes
    except ImportError as error:
        raise MissingExtra(
            f"{source.name} is a SetFit model, whose export and proof need sentence-transformers: "
            "pip install sentence-transformers"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # another release of scikit-learn: `read_head` tests it
            return joblib.load(file)
    except Exception as error:  # a pickle may raise anything
        raise CheckpointError(
            f"{source.name}'s head {HEAD_FILE} cannot be read ({type(error).__name__}: "
            f"{first_line(error)}): expected scikit-learn's LogisticRegression, "
            "as SetFit saves it"
        ) from error


def read_head(source: Source, head: Any, dimension: int) -> FittedHead:
    """Read the numbers of a head, and compare what they say with what the head says.

    Args:
        source: The checkpoint.
        head: From `load_head`.
        dimension: Length of the vectors that it is given.

    Raises:
        CheckpointError: It is not a linear head, or none for such vectors.
    """
    settings = _settings(source)
    try:
        weight, bias, classes, multi_label = _linear(head)
        probes = _probes(weight, dimension)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = probabilities(head, probes)
    except Exception as error:  # another class, another release, another dimension
        raise _not_linear(source, head) from error
    for one_vs_rest in (False, True):
        found = _apply(probes @ weight.T + bias, multi_label=multi_label, one_vs_rest=one_vs_rest)
        if found.shape == expected.shape and np.abs(found - expected).max() <= _TOLERANCE:
            break
    else:
        raise _not_linear(source, head)
    labels = tuple(_label(value, settings.get("labels")) for value in classes)
    return FittedHead(weight, bias, labels, multi_label, one_vs_rest, normalizes(source))


def _probes(weight: Numbers, dimension: int) -> NDArray[np.float32]:
    """Return vectors of small logits: large ones are 0 and 1 by any function of probability."""
    probes = np.random.default_rng(_SEED).normal(size=(_PROBES, dimension))
    greatest = float(np.abs(probes @ weight.T).max())
    return np.asarray(probes * min(1.0, _LOGIT / max(greatest, _LOGIT)), np.float32)


def normalizes(source: Source) -> bool:
    """True where the settings scale the vectors to length 1 before the head."""
    return bool(_settings(source).get("normalize_embeddings"))


def probabilities(head: Any, vectors: NDArray[np.float32]) -> Numbers:
    """Return a head's own probabilities ``(rows, classes)``; of several outputs, their class 1."""
    found = head.predict_proba(vectors)
    return np.stack([p[:, 1] for p in found], 1) if isinstance(found, list) else np.asarray(found)


def _linear(head: Any) -> tuple[Numbers, Numbers, list[Any], bool]:
    """Return weight, bias, classes and whether these are decided one by one."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.multioutput import MultiOutputClassifier

    if type(head) is LogisticRegression:
        weight, bias = _both_classes(head.coef_, head.intercept_)
        return weight, bias, list(head.classes_), False
    if type(head) not in (OneVsRestClassifier, MultiOutputClassifier):
        raise TypeError(f"{type(head).__name__} is not a linear head")
    if any(type(estimator) is not LogisticRegression for estimator in head.estimators_):
        raise TypeError(f"{type(head).__name__} is of others than LogisticRegression")
    weight = np.concatenate([estimator.coef_ for estimator in head.estimators_])
    bias = np.concatenate([estimator.intercept_ for estimator in head.estimators_])
    if type(head) is MultiOutputClassifier or head.multilabel_:
        return weight, bias, list(range(len(weight))), True
    weight, bias = _both_classes(weight, bias)
    return weight, bias, list(head.classes_), False


def _both_classes(weight: Numbers, bias: Numbers) -> tuple[Numbers, Numbers]:
    """Give the first of two classes the logit 0: softmax is then the sigmoid of the second's."""
    if len(weight) > 1:
        return weight, bias
    return np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])


def _apply(logits: Numbers, *, multi_label: bool, one_vs_rest: bool) -> Numbers:
    with np.errstate(over="ignore"):  # infinity gives the right 0
        sigmoids = 1 / (1 + np.exp(-logits))
    if multi_label:
        return sigmoids
    if one_vs_rest:
        return np.asarray(sigmoids / sigmoids.sum(1, keepdims=True))
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def _label(value: Any, labels: Any) -> str:
    """Name a class as SetFit does: itself where it is a text, else by its place in the settings."""
    if not isinstance(value, str) and isinstance(labels, list) and 0 <= int(value) < len(labels):
        return str(labels[int(value)])
    return str(value)


def _not_linear(source: Source, head: Any) -> CheckpointError:
    return CheckpointError(
        f"{source.name}'s head {HEAD_FILE} is a {type(head).__name__}, expected a "
        "LogisticRegression of scikit-learn, alone, one against the rest or one an output, for "
        "this model's vectors: export these with --task sentence-similarity"
    )


def _settings(source: Source) -> dict[str, Any]:
    file = source.root / SETTINGS_FILE
    if not file.is_file():  # releases before 1.0 wrote none
        return {}
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read ({reason(error)}): fetch it again") from error
    return settings if isinstance(settings, dict) else {}


def write_classes(config_file: Path, head: FittedHead) -> None:
    """Name the classes and the head in a bundle's ``config.json``, where other clients look."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as CLASSIFIERS,
    )

    config = json.loads(config_file.read_text(encoding="utf-8"))
    config["id2label"] = {str(index): label for index, label in enumerate(head.labels)}
    config["label2id"] = {label: index for index, label in enumerate(head.labels)}
    config["problem_type"] = head.problem_type
    if config.get("model_type") in CLASSIFIERS:
        config["architectures"] = [CLASSIFIERS[config["model_type"]]]
    config_file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
