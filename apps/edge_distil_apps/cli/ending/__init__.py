"""How the command ends: with which status, and what it says."""

__all__: list[str] = []
