"""What a folder from anyone says of its model: checked field by field, then believed."""

__all__: list[str] = []
