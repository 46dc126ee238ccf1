"""Reports of the libraries below us: off before their import, unless the user said otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# Says, of each library at the moment that it is imported, what its variable was.
SPY = """
import importlib.abc, json, os, sys
seen = {}
class Spy(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        variable = {"onnxruntime": "ORT_DISABLE_TELEMETRY",
                    "huggingface_hub": "HF_HUB_DISABLE_TELEMETRY",
                    "ray": "RAY_USAGE_STATS_ENABLED"}.get(name)
        if variable:
            seen[name] = os.environ.get(variable)
sys.meta_path.insert(0, Spy())
exec(sys.argv[1])
print(json.dumps(seen))
"""


def python(code: str, *arguments: str, home: Path | None = None, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    environment = {**kept, **variables, **({"HOME": str(home)} if home else {})}
    command = [sys.executable, "-P", "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert not done.stderr or "WARN" in code, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("statement", "libraries"),
    [
        ("import edge_distil; edge_distil.load", {"onnxruntime"}),
        ("from edge_distil.session import OnnxSession", {"onnxruntime"}),
        ("import edge_distil_quantize", {"onnxruntime"}),
        ("import edge_distil_quantize.calibration.piecewise", {"onnxruntime"}),
        ("import edge_distil_export, huggingface_hub", {"onnxruntime", "huggingface_hub"}),
        ("import edge_distil_apps.cli.flow.answering", {"onnxruntime"}),
        ("import edge_distil_apps.embed.ray_worker", {"onnxruntime"}),
        ("import edge_distil_apps.embed.ray_session, ray", {"onnxruntime", "ray"}),
    ],
)
def test_the_switch_is_set_before_the_library_is_imported(
    statement: str, libraries: set[str]
) -> None:
    seen = json.loads(python(SPY, statement).splitlines()[-1])
    assert libraries <= set(seen)
    quiet = {"onnxruntime": "1", "huggingface_hub": "1", "ray": "0"}
    assert seen == {library: quiet[library] for library in seen}


def test_what_the_user_set_stands() -> None:
    loud = {"ORT_DISABLE_TELEMETRY": "0", "HF_HUB_DISABLE_TELEMETRY": "0"}
    found = python(
        "import os, edge_distil, edge_distil.privacy as p; "
        "print(os.environ['ORT_DISABLE_TELEMETRY'], os.environ['HF_HUB_DISABLE_TELEMETRY'], "
        "p.describe())",
        **loud,
        HOME="/nonexistent",
    )
    assert found.startswith("0 0 ")
    assert "'onnxruntime': 'on (ORT_DISABLE_TELEMETRY=0)'" in found
    assert "'ray': 'off (RAY_USAGE_STATS_ENABLED=0)'" in found


def test_onnxruntime_imported_first_is_one_warning(tmp_path: Path) -> None:
    code = """
import warnings
with warnings.catch_warnings(record=True) as WARNED:
    warnings.simplefilter("always")
    import onnxruntime
    import edge_distil, edge_distil.session, edge_distil_quantize
    from edge_distil import privacy
print(len([w for w in WARNED if "reports to its maker" in str(w.message)]))
print(privacy.describe()["onnxruntime"])
"""
    assert python(code, home=tmp_path).splitlines() == ["1", "on (imported before edge_distil)"]
    quiet = python(code, home=tmp_path, ORT_DISABLE_TELEMETRY="1").splitlines()
    assert quiet == ["0", "off (ORT_DISABLE_TELEMETRY=1)"]


# OpenVINO sends what it is imported to by a package that it can do without, as this one does.
LIBRARY = """
try:
    import openvino_telemetry
except ImportError:
    REPORTED = False
else:
    REPORTED = True
"""


def test_a_library_without_a_variable_is_imported_without_its_reporter(tmp_path: Path) -> None:
    (tmp_path / "openvino.py").write_text(LIBRARY)
    (tmp_path / "openvino_telemetry.py").write_text("")
    code = """
import sys, warnings
warnings.simplefilter("error")
sys.path.insert(0, sys.argv[1])
import edge_distil.privacy as p
for _ in range(2):
    with p.silenced("openvino"):
        import openvino
import openvino_telemetry
with p.silenced("openvino"):
    import openvino
print(openvino.REPORTED, p.describe()["openvino"])
"""
    said = python(code, str(tmp_path), home=tmp_path)
    assert said == "False off (imported without openvino_telemetry)\n"


def test_openvino_imported_first_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "openvino.py").write_text(LIBRARY)
    code = """
import sys, warnings
sys.path.insert(0, sys.argv[1])
import openvino
import edge_distil.privacy as p
with warnings.catch_warnings(record=True) as WARNED:
    warnings.simplefilter("always")
    for _ in range(2):
        with p.silenced("openvino"):
            import openvino
print(len(WARNED), p.describe()["openvino"])
"""
    assert python(code, str(tmp_path)) == "0 off (imported without openvino_telemetry)\n"
    (tmp_path / "openvino_telemetry.py").write_text("")
    assert python(code, str(tmp_path)) == "1 on (imported before)\n"
