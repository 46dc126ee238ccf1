"""How it is measured: fresh processes, models interleaved in them, and when that ends."""

__all__: list[str] = []
