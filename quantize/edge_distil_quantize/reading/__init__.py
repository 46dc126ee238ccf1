"""The fp32 graph as the recipes know it, whoever exported it."""

__all__: list[str] = []
