"""Where things lie: the repository, its embedded checkpoint, and peers' environments."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from environments import pinned_version, project_environment, python_environment

TABLES = Path(__file__).parents[1]
REPOSITORY = TABLES.parents[1]
EMBEDDED = REPOSITORY / "apps" / "models" / "minilm-l6-squad"

# An environment is made at the first use, which takes minutes. That of the exporter is as a user
# has it: packages for development slow an import down (transformers imports scipy if it is there).
peer_python, peer_version = python_environment, pinned_version
export_python = partial(project_environment, "export")
