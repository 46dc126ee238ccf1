"""An encoder that transformers has not: a file of a checkpoint, copied there by the tests.

It has what the code of published checkpoints has: rotary positions or ALiBi in buffers that no
checkpoint holds and that grow with the text, a choice of attention by the configuration, gated
layers, and heads of its own.
"""

import math

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.modeling_outputs import (
    BaseModelOutputWithPooling,
    MaskedLMOutput,
    SequenceClassifierOutput,
)

from .configuration_stranger import StrangerConfig


class Rotary(nn.Module):
    """Turns queries and keys by their place; the table is made again for a longer text."""

    def __init__(self, size, positions):
        super().__init__()
        self.size = size
        self.grow(positions)

    def grow(self, positions):
        self.known = positions
        rates = 1.0 / 10000 ** (torch.arange(0, self.size, 2).float() / self.size)
        angles = torch.outer(torch.arange(positions).float(), rates).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x):
        if x.shape[2] > self.known:
            self.grow(x.shape[2])
        cos, sin = self.cos[: x.shape[2]], self.sin[: x.shape[2]]
        first, second = x.chunk(2, dim=-1)
        return x * cos + torch.cat((-second, first), dim=-1) * sin


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.size = config.hidden_size // self.heads
        self.all = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.out = nn.Linear(config.hidden_size, config.hidden_size)
        self.rotary = None
        if config.position_kind == "rotary":
            self.rotary = Rotary(self.size, config.max_position_embeddings)

    def forward(self, x, bias):
        batch, length, hidden = x.shape
        parts = self.all(x).view(batch, length, 3, self.heads, self.size).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        if self.rotary is not None:
            query, key = self.rotary(query), self.rotary(key)
        mixed = self.mix(query, key, value, bias)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, hidden))

    def mix(self, query, key, value, bias):
        scores = query @ key.transpose(-1, -2) / math.sqrt(self.size)
        return torch.softmax(scores + bias, dim=-1) @ value


class FusedAttention(Attention):
    def mix(self, query, key, value, bias):
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)


ATTENTION = {"eager": Attention, "sdpa": FusedAttention}


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = config.hidden_size
        self.attention = ATTENTION[config._attn_implementation](config)
        self.gate = nn.Linear(size, 4 * size)
        self.down = nn.Linear(2 * size, size)
        self.first, self.second = nn.LayerNorm(size), nn.LayerNorm(size)

    def forward(self, x, bias):
        x = self.first(x + self.attention(x, bias))
        left, right = self.gate(x).chunk(2, dim=-1)
        return self.second(x + self.down(functional.gelu(left) * right))


class StrangerPreTrainedModel(PreTrainedModel):
    config_class = StrangerConfig
    base_model_prefix = "stranger"
    _supports_sdpa = True

    def _init_weights(self, module):
        """Tables that no checkpoint holds are made here too, for release 5 of transformers."""
        if isinstance(module, nn.Linear | nn.Embedding):
            torch.nn.init.normal_(module.weight, std=0.15)
        elif isinstance(module, Rotary | StrangerModel):
            module.grow(self.config.max_position_embeddings)


class StrangerModel(StrangerPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.words = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.norm = nn.LayerNorm(config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.grow(config.max_position_embeddings)
        self.post_init()

    def get_input_embeddings(self):
        return self.words

    def grow(self, length):
        if self.config.position_kind != "alibi":
            return
        heads = self.config.num_attention_heads
        slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1).float() / heads)
        places = torch.arange(length)
        apart = (places[:, None] - places[None, :]).abs().float()
        self.register_buffer("alibi", -slopes[:, None, None] * apart, persistent=False)

    def forward(self, input_ids=None, attention_mask=None, return_dict=None, **rest):
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        padding = 1.0 - attention_mask[:, None, None, :].to(self.dtype)
        bias = padding * torch.finfo(self.dtype).min
        if self.config.position_kind == "alibi":
            length = input_ids.shape[1]
            if length > self.alibi.shape[-1]:
                self.grow(length)
            bias = bias + self.alibi[:, :length, :length]
        hidden = self.norm(self.words(input_ids))
        for layer in self.layers:
            hidden = layer(hidden, bias)
        return BaseModelOutputWithPooling(last_hidden_state=hidden, pooler_output=hidden[:, 0])


class StrangerForMaskedLM(StrangerPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.stranger = StrangerModel(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, **rest):
        found = self.stranger(input_ids, attention_mask)
        return MaskedLMOutput(logits=self.decoder(found.last_hidden_state))


class StrangerForSequenceClassification(StrangerPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.stranger = StrangerModel(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, **rest):
        found = self.stranger(input_ids, attention_mask)
        return SequenceClassifierOutput(logits=self.classifier(found.pooler_output))
