"""From text to token ids: the checkpoint's tokenizer, long texts in parts and in windows."""

__all__: list[str] = []
