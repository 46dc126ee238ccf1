"""Teacher -> smaller student, on a workstation: needs ``pip install 'edge-distil[distil]'``."""

from __future__ import annotations

__all__: list[str] = []
