"""The flags that several verbs have, or that are many."""

__all__: list[str] = []
