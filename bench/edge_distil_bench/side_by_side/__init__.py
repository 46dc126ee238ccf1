"""Models measured side by side, and which of them to ship."""

__all__: list[str] = []
