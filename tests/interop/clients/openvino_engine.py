"""Load a bundle by `edge_distil` on some engine and call it; prints what it answers, as JSON.

Usage: python openvino_engine.py REQUEST.json, a list of objects: ``bundle``, ``options`` (of
`edge_distil.load`) and ``calls``, each a method's name, its arguments and its options.
"""

import json
import sys
from pathlib import Path
from typing import Any

import edge_distil as ed


def plain(found: Any) -> Any:
    """Return tuples as lists, and arrays as nested lists."""
    if hasattr(found, "dense"):  # sparse rows
        found = found.dense()
    if hasattr(found, "tolist"):
        return found.tolist()
    return [plain(one) for one in found] if isinstance(found, list | tuple) else found


def answer(asked: dict[str, Any]) -> Any:
    """Return what each call gives; of what fails its error's name and message."""
    try:
        task = ed.load(asked["bundle"], **asked.get("options", {}))
        return [
            plain(getattr(task, method)(*arguments, **options))
            for method, arguments, options in asked.get("calls", ())
        ]
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


if __name__ == "__main__":
    requests = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(json.dumps([answer(request) for request in requests]))
