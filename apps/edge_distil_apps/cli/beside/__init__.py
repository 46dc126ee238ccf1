"""Verbs beside the way from a checkpoint to answers: what there is, is kept, is shared."""

__all__: list[str] = []
