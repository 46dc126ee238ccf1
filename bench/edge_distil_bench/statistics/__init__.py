"""What samples say: pure functions of records."""

__all__: list[str] = []
