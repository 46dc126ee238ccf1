"""From a path or a hub id to a loaded model, of which nothing is missing."""

__all__: list[str] = []
