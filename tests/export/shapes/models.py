"""Shapes of models: weights, heads and labels, families, and what is not an encoder."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tiny
import torch
import transformers
from safetensors.torch import load_file, save_file
from shapes.shape import Shape, edit, plainly, settings

TASK = "text-classification"
_Weights = dict[str, torch.Tensor]


def _weights(change: Callable[[_Weights], Any], task: str = TASK, **config: Any) -> Any:
    """A tiny BERT whose stored weights are changed in place."""

    def make(folder: Path) -> None:
        tiny.save_checkpoint(folder, "bert", task)
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        edit(folder / "config.json", **config)

    return make


def _relative(weights: _Weights) -> None:
    for layer in range(2):
        name = f"bert.encoder.layer.{layer}.attention.self.distance_embedding.weight"
        weights[name] = torch.randn(127, 8)


def _lora(weights: _Weights) -> None:
    weights["bert.encoder.layer.0.attention.self.query.lora_A.default.weight"] = torch.ones(4, 32)
    weights["bert.encoder.layer.0.attention.self.query.lora_B.default.weight"] = torch.ones(32, 4)


def _old_names(weights: _Weights) -> None:
    for name in [name for name in weights if "LayerNorm" in name]:
        old = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        weights[old.replace("LayerNorm.bias", "LayerNorm.beta")] = weights.pop(name)


def _not_a_number(weights: _Weights) -> None:
    weights["classifier.weight"][0, 0] = float("nan")


def _no_head(weights: _Weights) -> None:
    del weights["classifier.weight"], weights["classifier.bias"]


def _stored(dtype: torch.dtype) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        tiny.save_checkpoint(folder, "bert", TASK)
        tiny.build_model("bert", TASK).to(dtype).save_pretrained(folder)

    return make


def _pickled(folder: Path) -> None:
    tiny.save_checkpoint(folder, "bert", TASK)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def _sharded(folder: Path) -> None:
    tiny.save_checkpoint(folder, "bert", TASK)
    (folder / "model.safetensors").unlink()
    tiny.build_model("bert", TASK).save_pretrained(folder, max_shard_size="50KB")


def _renamed(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        tiny.save_checkpoint(folder, "bert", TASK)
        (folder / "model.safetensors").rename(folder / name)

    return make


def _adapter(folder: Path) -> None:
    """A LoRA folder beside the full weights, as trainers leave both."""
    tiny.save_checkpoint(folder, "bert", TASK)
    config = {"peft_type": "LORA", "task_type": "SEQ_CLS", "r": 4, "lora_alpha": 8, "bias": "none"}
    config |= {"target_modules": ["query"], "base_model_name_or_path": "x"}
    edit(folder / "adapter_config.json", **config)
    name = "base_model.model.bert.encoder.layer.0.attention.self.query.lora_"
    save_file(
        {f"{name}A.weight": torch.ones(4, 32), f"{name}B.weight": torch.ones(32, 4)},
        folder / "adapter_model.safetensors",
    )


def _adapter_alone(folder: Path) -> None:
    _adapter(folder)
    (folder / "config.json").unlink()
    (folder / "model.safetensors").unlink()


def _pretraining(folder: Path) -> None:
    """As BERT was published: two heads, of which fill-mask takes one."""
    tiny.save_checkpoint(folder, "bert", "fill-mask")
    config = transformers.AutoConfig.from_pretrained(folder)
    torch.manual_seed(5)
    transformers.BertForPreTraining(config).save_pretrained(folder)


def _card(folder: Path) -> None:
    tiny.save_checkpoint(folder, "bert", TASK)
    (folder / "README.md").write_text("---\nlicense:\tmit\n---\n")


def _other(model: Callable[[], Any]) -> Callable[[Path], object]:
    """A model of another family, with a BERT-like tokenizer."""

    def make(folder: Path) -> None:
        torch.manual_seed(9)
        model().save_pretrained(folder)
        tiny.fast_tokenizer("bert", model_max_length=64).save_pretrained(folder)

    return make


def _family(kind: str, head: str, style: str = "bert", **config: Any) -> Callable[[Path], object]:
    """A family beyond those of `tiny`, of the usual small sizes."""
    sizes = {
        "vocab_size": 420, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 66,
    }  # fmt: skip

    def make(folder: Path) -> None:
        tokenizer = tiny.fast_tokenizer(style, model_max_length=64)
        own = getattr(transformers, f"{kind}Config")
        torch.manual_seed(9)
        cls = getattr(transformers, f"{kind}For{head}" if head else f"{kind}Model")
        model = cls(own(**{**sizes, "pad_token_id": tokenizer.pad_token_id, **config}))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.ndim > 1 and "position" not in name:
                    parameter.normal_(0, 0.15)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    return make


def _labels(**names: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        tiny.save_checkpoint(folder, "bert", TASK, num_labels=3)
        id2label = {key.removeprefix("_"): value for key, value in names.items()}
        edit(folder / "config.json", id2label=id2label, label2id=...)

    return make


def _of(group: str) -> Callable[..., Shape]:
    def shape(name: str, make: Any, refused: str | None = None, **more: Any) -> Shape:
        return Shape(group, name, make, refused=refused, **more)

    return shape


weights, heads, family = map(_of, ("weights", "heads and labels", "family"))
hub, other = map(_of, ("hub folder", "no encoder"))
_SIZES = {"vocab_size": 200, "d_model": 32, "num_layers": 2, "num_heads": 4, "d_kv": 8, "d_ff": 64}
_TAGS = {"id2label": {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC"}}
_CONFIG = "config.json"


def _t5() -> Any:
    return transformers.T5EncoderModel(transformers.T5Config(**_SIZES))


def _xlnet() -> Any:
    config = transformers.XLNetConfig(vocab_size=200, d_model=32, n_layer=2, n_head=4, d_inner=64)
    return transformers.XLNetForSequenceClassification(config)


def _gpt2() -> Any:
    config = transformers.GPT2Config(vocab_size=200, n_embd=32, n_layer=2, n_head=4)
    return transformers.GPT2ForSequenceClassification(config)


def _bart() -> Any:
    config = transformers.BartConfig(
        vocab_size=200, d_model=32, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=64,
        decoder_ffn_dim=64, encoder_attention_heads=4, decoder_attention_heads=4,
    )  # fmt: skip
    return transformers.BartForSequenceClassification(config)


def _llama() -> Any:
    config = transformers.LlamaConfig(
        vocab_size=200, hidden_size=32, num_hidden_layers=1, num_attention_heads=4,
        intermediate_size=64,
    )  # fmt: skip
    return transformers.LlamaForSequenceClassification(config)


SHAPES = (
    weights("stored as float16", _stored(torch.float16)),
    weights("stored as bfloat16", _stored(torch.bfloat16)),
    weights("pytorch_model.bin", _pickled),
    weights("several shards", _sharded),
    weights("gamma and beta", _weights(_old_names)),
    weights("no weights of its own for the tied head", plainly("distilbert", "fill-mask")),
    weights("relative positions that the model does not read", _weights(
        _relative, position_embedding_type="relative_key_query"), "distance_embedding"),
    weights("LoRA weights among the others", _weights(_lora), "lora_"),
    weights("a LoRA folder beside the weights", _adapter,
            None if find_spec("peft") else "which peft merges"),
    weights("a LoRA folder alone", _adapter_alone, "adapter without its model"),
    weights("a weight that is NaN", _weights(_not_a_number), "classifier.weight holds NaN"),
    weights("a head without weights", _weights(_no_head), "no weights for text-classification"),
    weights("a tf_model.h5 that is no HDF5", _renamed("tf_model.h5"), "cannot be read as HDF5"),
    weights("weights of Flax alone", _renamed("flax_model.msgpack"), "another framework only"),
    weights("a pickle alone", _renamed("model.pt"), "pickles only"),
    weights("quantized already", settings(
        _CONFIG, quantization_config={"quant_method": "gptq"}), "quantized already"),
    heads("BertForPreTraining", _pretraining, task="fill-mask"),
    heads("regression", plainly("bert", TASK, num_labels=1, problem_type="regression")),
    heads("one logit, no problem_type", plainly("bert", TASK, num_labels=1)),
    heads("multi-label", plainly(
        "bert", TASK, num_labels=3, problem_type="multi_label_classification")),
    heads("id2label with a gap", _labels(_0="a", _1="b", _3="d")),
    heads("labels of one name", _labels(_0="a", _1="a", _2="c")),
    heads("eleven labels", plainly("bert", TASK, num_labels=11)),
    heads("a model card of broken YAML", _card),
    heads("token tags", plainly("bert", "token-classification", **_TAGS)),
    heads("question answering", plainly("bert", "question-answering")),
    heads("no architectures, task given", settings(_CONFIG, architectures=...), task=TASK),
    heads("no architectures", settings(_CONFIG, architectures=...), "names no architecture"),
    heads("an encoder for classification", plainly("bert", "feature-extraction"),
          "no weights for text-classification", task=TASK),
    *(family(f"{name} {task}", plainly(name, task)) for name, task in (
        ("distilbert", "question-answering"), ("roberta", "fill-mask"),
        ("xlm-roberta", "token-classification"), ("mpnet", "feature-extraction"),
        ("electra", "token-classification"), ("albert", "fill-mask"), ("mobilebert", TASK),
        ("modernbert", TASK))),
    family("camembert", _family("Camembert", "SequenceClassification", "roberta")),
    family("xlm-roberta-xl", _family("XLMRobertaXL", "SequenceClassification", "roberta")),
    family("roberta-prelayernorm", _family(
        "RobertaPreLayerNorm", "SequenceClassification", "roberta")),
    family("data2vec-text", _family("Data2VecText", "SequenceClassification", "roberta")),
    family("ernie", _family("Ernie", "SequenceClassification")),
    family("deberta-v2", _family("DebertaV2", "SequenceClassification")),
    family("convbert", _family("ConvBert", "SequenceClassification", embedding_size=32)),
    family("convbert embeddings", _family("ConvBert", "", embedding_size=32),
           task="feature-extraction"),
    family("megatron-bert", _family("MegatronBert", "SequenceClassification")),
    family("rembert", _family("RemBert", "SequenceClassification", input_embedding_size=16,
           output_embedding_size=16)),
    family("roformer", _family("RoFormer", "SequenceClassification", embedding_size=32)),
    family("nystromformer", _family("Nystromformer", "SequenceClassification")),
    family("fnet", _family("FNet", "SequenceClassification")),
    family("layoutlm", _family("LayoutLM", "SequenceClassification")),
    *(hub(f"{name} {task}, plain hub folder", plainly(name, task), plain=True) for name, task in (
        ("bert", TASK), ("roberta", "fill-mask"), ("xlm-roberta", "token-classification"),
        ("mpnet", "feature-extraction"), ("distilbert", "question-answering"))),
    hub("data2vec-text, plain hub folder", _family(
        "Data2VecText", "SequenceClassification", "roberta"), plain=True),
    hub("no token types given, plain hub folder", settings(
        "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"]), plain=True),
    hub("truncation_side left, plain hub folder", settings(
        "tokenizer_config.json", truncation_side="left"), plain=True),
    other("T5's encoder", _other(_t5), "has a decoder", task="feature-extraction"),
    other("XLNet", _other(_xlnet), "carries states from one segment"),
    other("GPT-2", _other(_gpt2), "is a decoder"),
    other("BART", _other(_bart), "has a decoder"),
    other("Llama", _other(_llama), "is a decoder"),
    other("BERT as a decoder", settings(_CONFIG, is_decoder=True), "has a decoder"),
)  # fmt: skip
