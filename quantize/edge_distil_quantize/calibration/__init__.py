"""What texts that are run through the fp32 graph teach a recipe: ranges, balance, rounding."""

__all__: list[str] = []
