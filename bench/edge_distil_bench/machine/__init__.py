"""What machine it is, what it does meanwhile, and the most it can do."""

__all__: list[str] = []
