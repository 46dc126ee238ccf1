"""Which engine runs a bundle: names, what each refuses, and what is compared at the start.

OpenVINO itself is not in this environment; tests/interop/test_openvino_engine.py has one with it.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from beyond_table import add_token_beyond

import edge_distil as ed
from edge_distil import hardware
from edge_distil._machine import engines, installation
from edge_distil._machine.agreement import check_agreement
from edge_distil._machine.engines import Engine, engine_named
from edge_distil.encoder import Encoder, open_encoder
from edge_distil.errors import InputError, InputTypeError, MissingExtra, SessionError
from edge_distil.session import OnnxSession, _options

OPENVINO = Engine("openvino")
OPENVINO_BF16 = Engine("openvino", "bf16")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, ("onnxruntime", "fp32")),
        ("onnxruntime", ("onnxruntime", "fp32")),
        ("onnxruntime:bf16", ("onnxruntime", "bf16")),
        ("openvino", ("openvino", "fp32")),
        ("openvino:fp32", ("openvino", "fp32")),
        ("openvino:bf16", ("openvino", "bf16")),
    ],
)
def test_names(name: str | None, expected: tuple[str, str]) -> None:
    assert engine_named(name) == Engine(*expected)


@pytest.mark.parametrize("name", ["tvm", "", "openvino:", "openvino:int8", "OpenVINO", "a\x1b[2J"])
def test_unknown_names_are_one_line(tiny: Path, name: str) -> None:
    with pytest.raises(
        InputError, match=r"engine is .*, expected onnxruntime or openvino"
    ) as found:
        ed.load(tiny / "embedding", engine=name)
    assert "\x1b" not in str(found.value)
    assert len(str(found.value).splitlines()) == 1


def test_a_name_is_a_text(tiny: Path) -> None:
    with pytest.raises(InputTypeError, match="engine is an int, expected str"):
        ed.load(tiny / "embedding", engine=3)  # type: ignore[call-overload]


def test_the_default_may_be_named(tiny: Path) -> None:
    plain, named = (ed.Embedding.load(tiny / "embedding", engine=e) for e in (None, "onnxruntime"))
    assert isinstance(named.encoder.session, OnnxSession)
    np.testing.assert_array_equal(plain.encode(["a"]), named.encode(["a"]))


def test_openvino_that_is_not_installed_names_the_command(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # as where there is none
    for call in (ed.load, ed.Embedding.load, ed.Embedding.load_for_bulk, open_encoder):
        with pytest.raises(MissingExtra, match=re.escape(installation.install("openvino"))):
            call(tiny / "embedding", engine="openvino")  # type: ignore[operator]


@pytest.mark.parametrize("engine", ["openvino", "openvino:bf16"])
def test_options_of_onnxruntime_are_refused(tiny: Path, engine: str) -> None:
    with pytest.raises(InputError, match=r"^providers cannot be given, for the model runs on "):
        ed.load(tiny / "embedding", engine=engine, providers=["CPUExecutionProvider"])
    with pytest.raises(InputError, match=r"^providers and huge_pages .* leave them out$"):
        ed.load(tiny / "embedding", engine=engine, providers=[], huge_pages=False)


def with_variant(bundle: Path, name: str, of: str) -> Path:
    """Let the manifest name the file of another variant."""
    file = bundle / "edge_distil.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    manifest["variants"][name] = manifest["variants"][of]
    file.write_text(json.dumps(manifest), encoding="utf-8")
    return bundle


def test_onnxruntimes_own_format_is_refused(tiny_copy: Callable[[str], Path]) -> None:
    bundle = with_variant(tiny_copy("embedding"), "int8-ort", "int8")
    with pytest.raises(InputError, match=r"int8-ort is in ONNX Runtime's own format.*choose int8"):
        ed.load(bundle, variant="int8-ort", engine="openvino")


def test_core_ml_has_no_other_engine(tiny_copy: Callable[[str], Path]) -> None:
    bundle = with_variant(tiny_copy("embedding"), "coreml", "fp32")
    with pytest.raises(InputError, match=r"threads and engine cannot be given, .* runs on Core ML"):
        ed.load(bundle, variant="coreml", engine="openvino", threads=2)


@pytest.mark.skipif(
    platform.machine() in ("aarch64", "arm64"), reason="onnxruntime may have bf16 on this machine"
)
def test_onnxruntime_has_no_bf16_for_this_processor(tiny: Path) -> None:
    with pytest.raises(SessionError, match="bf16 kernels for Linux on Arm processors with BF16"):
        ed.load(tiny / "embedding", engine="onnxruntime:bf16")
    assert "onnxruntime:bf16" not in engines.available()


def test_bf16_is_an_option_of_the_session() -> None:
    """Read on Arm alone; elsewhere onnxruntime passes it over."""
    key = "mlas.enable_gemm_fastmath_arm64_bfloat16"
    assert _options(1, bf16=True).get_session_config_entry(key) == "1"
    with pytest.raises(RuntimeError):
        _options(1).get_session_config_entry(key)


def test_the_long_work_of_bf16_is_in_bf16(tiny: Path) -> None:
    encoder = open_encoder(tiny / "embedding", threads=2)
    session = OnnxSession(encoder.bundle.model_path("fp32"), threads=2, bf16=True)
    lanes = replace(encoder, session=session).bulk.session
    assert isinstance(lanes, OnnxSession)
    assert lanes is not session
    assert lanes.bf16


@pytest.mark.parametrize(
    ("features", "expected"),
    [((), ""), (("AVX2", "AVX-512 BF16", "AMX BF16"), "AVX-512 BF16, AMX BF16")],
)
def test_what_is_said_of_bf16(
    features: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "cpu_features", lambda: features)
    assert engines.bf16_features() == expected


class Off:
    """A session whose outputs are off: by a factor, or by a shift of those of one name."""

    def __init__(self, session: OnnxSession, factor: float = 1, **shifts: float) -> None:
        self.inputs, self.outputs = session.inputs, session.outputs
        self.state, self._session = session.state, session
        self._factor, self._shifts = factor, shifts

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> dict[str, Any]:
        found = self._session.run(feeds, outputs)
        return {
            name: np.float32(array * self._factor + self._shifts.get(name, 0))
            for name, array in found.items()
        }


def off(encoder: Encoder, factor: float = 1, **shifts: float) -> Encoder:
    assert isinstance(encoder.session, OnnxSession)
    return replace(encoder, session=Off(encoder.session, factor, **shifts))


@pytest.mark.parametrize(
    "name", ["embedding", "question_answering", "ranking", "static_embedding", "late_interaction"]
)
def test_answers_are_compared(tiny: Path, name: str) -> None:
    encoder = open_encoder(tiny / name)
    for near in (encoder, off(encoder, 1.0005)):
        check_agreement(near, OPENVINO)
    check_agreement(off(encoder, 1.03), OPENVINO_BF16)
    for engine, factor in ((OPENVINO, 1.003), (OPENVINO_BF16, 0.95), (OPENVINO, float("nan"))):
        with pytest.raises(SessionError, match=f"^{engine.name} gives other numbers") as found:
            check_agreement(off(encoder, factor), engine)
        assert len(str(found.value).splitlines()) == 1


def test_every_output_is_compared(tiny: Path) -> None:
    encoder = open_encoder(tiny / "question_answering")
    with pytest.raises(SessionError, match=r"\(end_logits: 0\.\d+ apart, expected at most"):
        check_agreement(off(encoder, end_logits=0.1), OPENVINO)


def test_a_directory_without_golden_texts_is_compared_too(tiny_copy: Callable[[str], Path]) -> None:
    bundle = tiny_copy("embedding")
    (bundle / "edge_distil.json").unlink()
    encoder = open_encoder(bundle)
    check_agreement(encoder, OPENVINO)
    with pytest.raises(SessionError, match="gives other numbers"):
        check_agreement(off(encoder, 1.01), OPENVINO)


def test_a_model_that_is_replaced_meanwhile(tiny: Path, tiny_copy: Callable[[str], Path]) -> None:
    bundle = tiny_copy("embedding")
    encoder = open_encoder(bundle)
    model = bundle / "onnx" / "model.onnx"
    model.write_bytes(model.read_bytes())
    with pytest.raises(SessionError, match="was replaced while it was loaded: load it again"):
        check_agreement(encoder, OPENVINO)


def test_ids_beyond_the_table(tiny_copy: Callable[[str], Path]) -> None:
    bundle = tiny_copy("embedding")
    (bundle / "edge_distil.json").unlink()  # of a stranger's, whose tokenizer is not recorded
    last = add_token_beyond(bundle / "tokenizer.json")
    with pytest.raises(SessionError, match=f"has the id {last}, which the model cannot run"):
        check_agreement(open_encoder(bundle), OPENVINO)
