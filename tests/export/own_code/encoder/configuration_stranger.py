"""The settings of `modeling_stranger`: a file of a checkpoint, copied there by the tests."""

from transformers import PretrainedConfig


class StrangerConfig(PretrainedConfig):
    model_type = "stranger"

    def __init__(
        self,
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        position_kind="rotary",
        **rest,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.max_position_embeddings = max_position_embeddings
        self.position_kind = position_kind
        super().__init__(**rest)
