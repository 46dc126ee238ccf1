"""How files come to be: whole or not at all, under a lock, over nothing that is the user's."""

__all__: list[str] = []
