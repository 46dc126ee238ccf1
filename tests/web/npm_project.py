"""A project that installs the npm package as a user does, and programs that run in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

RUNTIME = Path(__file__).parents[2] / "apps" / "web" / "runtime"
MODULES = RUNTIME / "node_modules"
LINKED = ("onnxruntime-node", "@types", "undici-types")
# Name -> tiny bundle.
BUNDLES = {
    "qa": "question_answering", "minilm": "embedding", "cross-encoder": "ranking", "nli": "nli",
    "swag": "multiple_choice",
}  # fmt: skip


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_project(built: Path, bundles: Path, folder: Path) -> Path:
    """Install the package from its file, without a registry, beside bundles.

    Args:
        built: The built runtime.
        bundles: The folder of tiny bundles.
        folder: Where to.
    """
    packed, project = folder / "packed", folder / "project"
    shutil.copytree(built, packed / "dist", ignore=shutil.ignore_patterns("package.json"))
    for name in ("package.json", "README.md", "LICENSE"):
        shutil.copy(RUNTIME / name, packed)
    project.mkdir()
    for source in (packed, MODULES / "onnxruntime-common"):
        run("npm", "pack", "--ignore-scripts", "--pack-destination", project, cwd=source)
    (project / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    files = [f"./{path.name}" for path in sorted(project.glob("*.tgz"))]
    run("npm", "install", "--offline", "--no-audit", "--no-fund", *files, cwd=project)
    for name in LINKED:
        (project / "node_modules" / name).symlink_to(MODULES / name)
    for name, bundle in BUNDLES.items():
        shutil.copytree(bundles / bundle, project / name)
    return project
