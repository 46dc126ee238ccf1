"""Changes of a graph, one a file: what a product, a table or an activation becomes."""

__all__: list[str] = []
