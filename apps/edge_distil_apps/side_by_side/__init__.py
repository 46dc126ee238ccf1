"""What `edge-distil bench` asks the models, and how it shows what they did."""

__all__: list[str] = []
