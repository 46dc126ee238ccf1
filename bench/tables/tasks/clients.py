"""One process of `throughput`: run all inputs once by one library, and say how it went.

    python -P clients.py SETTINGS, a JSON object

Answers are printed in one form: what is found, and its scores.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

WARM_UP = 4  # inputs
MAX_LENGTH, STRIDE, MAX_ANSWER = 384, 128, 15  # tokens, as the pipeline had them

Call = Callable[[Sequence[Any]], list[Any]]


def edge_distil(settings: dict[str, Any]) -> Call:
    """Run our own task objects."""
    import edge_distil as ed

    task: Any = ed.load(
        settings["bundle"], variant=settings["precision"], threads=settings["threads"]
    )
    if settings["task"] == "question-answering":
        return lambda pairs: [
            (best.text, [best.score]) for [best] in task.batch([tuple(pair) for pair in pairs])
        ]
    if settings["task"] == "text-classification":
        return lambda texts: [(best.label, [best.score]) for [best] in task.batch(texts)]
    return lambda texts: [
        ([(e.label, e.start, e.end) for e in found], [e.score for e in found])
        for found in task.batch(texts, aggregation_strategy="none", ignore_labels=())
    ]


def optimum(settings: dict[str, Any], batch_size: int) -> Call:
    """Run the pipeline of transformers on optimum's model of the same file."""
    import onnxruntime
    from optimum import onnxruntime as models
    from transformers import AutoTokenizer, pipeline

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings["threads"]
    kinds = {
        "question-answering": models.ORTModelForQuestionAnswering,
        "text-classification": models.ORTModelForSequenceClassification,
        "token-classification": models.ORTModelForTokenClassification,
    }
    file = "model.onnx" if settings["precision"] == "fp32" else "model_quantized.onnx"
    model = kinds[settings["task"]].from_pretrained(
        settings["bundle"], subfolder="onnx", file_name=file, session_options=options
    )
    tokenizer = AutoTokenizer.from_pretrained(settings["bundle"])
    if settings["task"] == "question-answering":
        return lambda pairs: [
            answer
            for start in range(0, len(pairs), batch_size)
            for answer in answers(model, tokenizer, pairs[start : start + batch_size])
        ]
    run: Any = pipeline(settings["task"], model=model, tokenizer=tokenizer, batch_size=batch_size)
    if settings["task"] == "text-classification":
        return lambda texts: [
            (found["label"], [found["score"]]) for found in run(list(texts), truncation=True)
        ]
    return lambda texts: [
        (
            [(e["entity"], e["start"], e["end"]) for e in found],
            [float(e["score"]) for e in found],
        )
        for found in run(list(texts), ignore_labels=[])
    ]


def answers(model: Any, tokenizer: Any, pairs: Sequence[Any]) -> list[tuple[str, list[float]]]:
    """Answer questions as ``QuestionAnsweringPipeline`` of transformers 4.57.6 did, the best each.

    Tokens outside the context share in no softmax but the first, which means "no answer"; spans are
    the greatest products, widened to whole words. Equal texts are not added up, which the pipeline
    does and we do: scores differ by that.
    """
    import numpy as np

    given = tokenizer(
        [question for question, _ in pairs],
        [context for _, context in pairs],
        truncation="only_second",
        max_length=MAX_LENGTH,
        stride=STRIDE,
        padding=True,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_tensors="pt",
    )
    owners = given.pop("overflow_to_sample_mapping").tolist()
    offsets = given.pop("offset_mapping").numpy()
    logits = model(**given)
    best: list[tuple[str, list[float]]] = [("", [-1.0])] * len(pairs)
    for row, owner in enumerate(owners):
        inside = np.array([number == 1 for number in given.sequence_ids(row)])
        allowed = inside.copy()
        allowed[0] = True
        chances = []
        for name in ("start_logits", "end_logits"):
            masked = np.where(allowed, logits[name][row].numpy(), -10000.0)
            powers = np.exp(masked - masked.max())
            chances.append(np.where(inside, powers / powers.sum(), 0))
        scores = np.tril(np.triu(np.outer(*chances)), MAX_ANSWER - 1)
        first, last = np.unravel_index(scores.argmax(), scores.shape)
        if scores[first, last] > best[owner][1][0]:
            words = given.encodings[row].word_ids
            start = given.word_to_chars(row, words[first], 1).start
            end = given.word_to_chars(row, words[last], 1).end
            assert offsets[row, first, 0] >= start
            best[owner] = (pairs[owner][1][start:end], [float(scores[first, last])])
    return best


def main() -> None:
    settings = json.loads(sys.argv[1])
    sys.path[:0] = settings["path"]
    client = settings["client"]
    if client.startswith("optimum"):
        call = optimum(settings, 8 if "8" in client else 1)
    else:
        call = edge_distil(settings)
    items = json.loads(Path(settings["inputs"]).read_text("utf-8"))
    call(items[:WARM_UP])
    started, processor = time.perf_counter(), time.process_time()
    found = call(items)
    seconds, used = time.perf_counter() - started, time.process_time() - processor
    # ``ru_maxrss`` would begin at the peak of the process that started this one.
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    [peak] = [int(line.split()[1]) * 1024 / 1e6 for line in status if line.startswith("VmHWM")]
    rate = len(items) / seconds
    print(json.dumps({"rate": rate, "processor": used, "megabytes": peak, "answers": found}))


if __name__ == "__main__":
    main()
