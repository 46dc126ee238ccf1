"""What was typed, before any work: what would be lost of it, or be taken for something else."""

__all__: list[str] = []
