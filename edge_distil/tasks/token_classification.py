"""Token classification: named entities, parts of speech, for texts of any length.

Source of the aggregation strategies: ``TokenClassificationPipeline`` of transformers. Differences,
each on purpose: words are the tokenizer's own, not guessed from spaces; a text longer than the
model is read in windows, not cut; labels of the schemes with ends (`edge_distil.tasks.schemes`) are
joined as what they are; an entity neither begins nor ends with a space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import ClassVar, NamedTuple, get_args

from edge_distil import calls
from edge_distil._tokenizing.reading import naming
from edge_distil._tokenizing.windows import Window, ended, of_text
from edge_distil.pooling import Floats
from edge_distil.progress import Progress, counting
from edge_distil.streaming import WINDOW_TOKENS, by_item, is_long, reading, sizes, stream
from edge_distil.tasks.base import Task
from edge_distil.tasks.entities import Aggregation, Entity, Joiner, Piece, pieces, say

_OVERLAP = 0.25  # share of a window that its neighbour repeats: context at the seams


class _Text(NamedTuple):
    """A text, and what an error calls it."""

    number: int
    name: str
    text: str


class TokenClassification(Task):
    """Labels the tokens of texts and joins them to entities."""

    names: ClassVar[tuple[str, ...]] = ("token-classification",)

    def __call__(
        self,
        text: str,
        *,
        aggregation_strategy: Aggregation = "simple",
        ignore_labels: Sequence[str] = ("O",),
        show_progress: bool | Progress = False,
    ) -> list[Entity]:
        """Find the entities of one text; for the options see `batch`."""
        given = [_Text(0, "", calls.text(text, "text"))]
        return self._found(given, aggregation_strategy, ignore_labels, show_progress)[0]

    def batch(
        self,
        texts: Iterable[str],
        *,
        aggregation_strategy: Aggregation = "simple",
        ignore_labels: Sequence[str] = ("O",),
        show_progress: bool | Progress = False,
    ) -> list[list[Entity]]:
        """Find the entities of texts.

        Args:
            texts: Texts of any length.
            aggregation_strategy: ``"none"``: one entity a token. ``"simple"``: neighbours of
                one label are joined, as the labels' scheme says: BIO, BIOES, BILOU or BMES.
                ``"first"``, ``"average"``, ``"max"``: the same, after each word took the label of
                its first token, of the mean of its tokens, or of its surest token, so that no word
                is split.
            ignore_labels: Labels to leave out.
            show_progress: Keep a line on stderr up to date; or a function that is called with the
                characters that are read and with all.

        Returns:
            For each text its entities, in order.

        Raises:
            InputError: Something is not a text, or the strategy is unknown.
        """
        given = list(_named(calls.many(texts, "texts")))
        return self._found(given, aggregation_strategy, ignore_labels, show_progress)

    def stream(
        self,
        texts: Iterable[str],
        *,
        aggregation_strategy: Aggregation = "simple",
        ignore_labels: Sequence[str] = ("O",),
    ) -> Iterator[list[Entity]]:
        """Find the entities of a stream of texts of any length, in order; see `batch`.

        The texts are read ahead by some 8,000 tokens, at first by 8 windows.
        """
        joiner = self._joiner(aggregation_strategy, ignore_labels)
        return self._stream(_named(calls.many(texts, "texts")), joiner)

    def _joiner(self, strategy: Aggregation, ignored: Iterable[str]) -> Joiner:
        calls.choice("aggregation_strategy", strategy, get_args(Aggregation))
        left_out = [
            calls.text(label, "a label in ignore_labels")
            for label in calls.many(ignored, "ignore_labels")
        ]
        return Joiner(self.bundle.manifest.labels, strategy, left_out)

    def _found(
        self,
        texts: list[_Text],
        strategy: Aggregation,
        ignored: Iterable[str],
        show: bool | Progress,
    ) -> list[list[Entity]]:
        joiner, total = self._joiner(strategy, ignored), sum(len(one.text) for one in texts)
        with counting(show, total, "characters") as done:
            return list(self._stream(texts, joiner, done or (lambda _: None), known=total))

    def _stream(
        self,
        texts: Iterable[_Text],
        joiner: Joiner,
        done: Callable[[int], None] = lambda _: None,
        *,
        known: int | None = None,
    ) -> Iterator[list[Entity]]:
        """Go from text to text; `known` are the characters, where all are there."""
        stride = int(self.encoder.tokenizer.room(1) * _OVERLAP)

        def hear(
            key: tuple[_Text, bool], window: Window, found: dict[str, Floats]
        ) -> tuple[list[Piece], bool]:
            logits = self.encoder.check.finite("logits", found["logits"][: len(window)])
            return say(window, logits), key[1]

        windows = stream(
            self.encoder,
            self._windows(texts, stride),
            reading(("logits",), hear, lambda key: key[0].name),
            blocks=sizes(known=known is not None),
            tokens=WINDOW_TOKENS,
            long=known is not None and is_long(known),
        )
        with closing(windows):
            for one, said in by_item(windows):
                entities, read = [], 0
                for entity, end in joiner.entities(one.text, pieces(said, stride)):
                    done(end - read)
                    read = end
                    if entity is not None:
                        entities.append(entity)
                done(len(one.text) - read)
                yield entities

    def _windows(
        self, texts: Iterable[_Text], stride: int
    ) -> Iterator[tuple[tuple[_Text, bool], Window]]:
        for one in texts:
            with naming(one.name):
                for window, last in ended(of_text(self.encoder.tokenizer, one.text, stride)):
                    yield (one, last), window


def _named(texts: Iterable[str]) -> Iterator[_Text]:
    for number, text in enumerate(texts):
        yield _Text(number, f"text {number}: ", calls.text(text, f"text {number}"))
