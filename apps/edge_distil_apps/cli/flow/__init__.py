"""What comes in line by line, and how far long work is."""

__all__: list[str] = []
