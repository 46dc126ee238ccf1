"""A bundle on the hub: its files, as they were proven, with a card that says what they are."""

__all__: list[str] = []
