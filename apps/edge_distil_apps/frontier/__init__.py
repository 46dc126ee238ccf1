"""Students of one teacher side by side: trained, exported, measured, drawn, and one chosen."""

__all__: list[str] = []
