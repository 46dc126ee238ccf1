"""What is in a bundle, in words: its files, and how its variants were made."""

__all__: list[str] = []
