"""A bundle's tokenizer and session, ready to run batches; `edge_distil.streaming` makes them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_distil import calls, hardware
from edge_distil._machine import engines, freed
from edge_distil._machine.beside import beside
from edge_distil._tokenizing.rows import Encoded, collate
from edge_distil._writing.settling import settled
from edge_distil.batching import Buckets
from edge_distil.bundle import CORE_ML, Bundle, open_bundle
from edge_distil.errors import BundleCorrupt, SessionError
from edge_distil.outputs import OutputCheck, pooled
from edge_distil.session import Floats, OnnxSession, Session, Tokens

if TYPE_CHECKING:
    from edge_distil import coreml
    from edge_distil._tokenizing.tokenizer import Tokenizer

# A text of more tokens than any kernel adds up at a time; see `Encoder.moves_alone`.
_PROBE = "a b c d e f g h i j k l m n o p q r s t u v w"


@dataclass(frozen=True)
class Encoder:
    """A bundle's tokenizer and session, ready to run.

    Attributes:
        bundle: The bundle it was opened from.
        variant: Name of the variant that runs.
        tokenizer: Texts to encodings.
        session: Encodings to outputs.
        workers: Batches that `session` may run side by side.
    """

    bundle: Bundle
    variant: str
    tokenizer: Tokenizer
    session: Session
    workers: int = field(default=1, kw_only=True)

    @cached_property
    def bulk(self) -> Encoder:
        """This encoder for long work: as many batches side by side as there are threads.

        One thread a batch wastes nothing on threads that wait for each other. The session for
        it is opened at the first use. Where the model's file is another one by then, or gone, the
        opened session does the long work too: one object never runs two models.
        """
        session = self.session
        if not isinstance(session, OnnxSession) or not session.on_cpu or session.threads == 1:
            return self
        if not session.is_current():
            return self._without_lanes()
        session.rest()
        pages, bf16 = session.large_pages, session.bf16
        lanes = OnnxSession(session.path, threads=1, bulk=True, large_pages=pages, bf16=bf16)
        if lanes.state != session.state:
            return self._without_lanes()
        freed.give_back()  # of loading
        session.stand_in = lanes
        return replace(self, session=lanes, workers=session.threads)

    def _without_lanes(self) -> Encoder:
        line = (
            f"{self.bundle.path} was replaced, edited or moved since it was loaded: the model that "
            "was loaded goes on, more slowly; load it again for the new one"
        )
        warnings.warn(line, RuntimeWarning, stacklevel=2)
        return self

    def run(
        self,
        encodings: Sequence[Encoded],
        outputs: Sequence[str] | None = None,
        *,
        batch_size: int | None = None,
        finite: bool = True,
    ) -> Iterator[tuple[list[int], dict[str, Floats]]]:
        """Run encodings batch by batch, no wider than they are: for graphs, not for tasks.

        Args:
            encodings: What `Tokenizer` gives.
            outputs: The graph outputs wanted; all when ``None``.
            batch_size: At most so many rows a batch, beside the token budget.
            finite: Check all numbers; without, the caller checks those that it reads.

        Yields:
            The indices of the batch's rows in `encodings` and output name -> array of
            ``(batch, ...)``.

        Raises:
            OutputError: The outputs are not those of the task, or hold NaN or infinity.
        """
        buckets = Buckets(batch_size)
        full = [buckets.add(index, len(row)) for index, row in enumerate(encodings)]
        for indices in [*filter(None, full), *buckets.rest()]:
            feeds = self.features([encodings[i] for i in indices])
            found = self.outputs(feeds, outputs)
            for name, array in found.items() if finite else ():
                self.check.finite(name, array, feeds["attention_mask"])
            yield indices, found

    def outputs(
        self, feeds: Mapping[str, Tokens], names: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        """Run one batch; names, types and shapes of what the model gives are checked.

        Floats of other widths become float32, as `Session` promises: graphs of others give float16,
        in which a norm overflows at 256.

        Raises:
            OutputError: They are not those of the task.
        """
        self.check.names(names or (), self.session.outputs)
        rows = len(feeds["input_ids"])
        if rows == 1 and (not names or self._pooled in names) and self.moves_alone:
            feeds = {name: np.repeat(ids, 2, axis=0) for name, ids in feeds.items()}
        found = self._checked(feeds, names)
        return {name: np.asarray(array[:rows], np.float32) for name, array in found.items()}

    def _checked(
        self, feeds: Mapping[str, Tokens], names: Sequence[str] | None
    ) -> dict[str, Floats]:
        found = self.session.run(feeds, names)
        self.check.shapes(found, feeds["input_ids"], asked=names is not None)
        return found

    @cached_property
    def moves_alone(self) -> bool:
        """Whether what the graph makes of all tokens of a row alone differs from that among others.

        onnxruntime adds up over the tokens of a single row in another order than over those of
        several (``ReduceSum`` and ``ReduceMean``, whose axes before the tokens' are merged away).
        Graphs of ours do not add up so; some of others, and our early ones, do. Such a row then
        runs twice, side by side.
        """
        if not isinstance(self.session, OnnxSession) or self._pooled not in self.session.outputs:
            return False
        feeds = self.probe()
        both = {name: np.repeat(ids, 2, axis=0) for name, ids in feeds.items()}
        alone, among = (
            self._checked(given, (self._pooled,))[self._pooled] for given in (feeds, both)
        )
        return alone[:1].tobytes() != among[:1].tobytes()

    def probe(self) -> dict[str, Tokens]:
        """Return the inputs for one text of some tokens."""
        return self.features(self.tokenizer.encode([_PROBE]))

    @property
    def _pooled(self) -> str:
        """The output that has no axis of tokens, where the graph has it."""
        return pooled(self.bundle.manifest.task)

    @property
    def check(self) -> OutputCheck:
        """Checks what the model gives."""
        return OutputCheck(self.bundle, self.variant)

    def features(self, encodings: Sequence[Encoded]) -> dict[str, Tokens]:
        """Return the graph's inputs for one batch; see `rows.collate`.

        Raises:
            SessionError: A text has no tokens, which only a table of static embeddings takes.
        """
        tokenizer = self.tokenizer
        if not (self.bundle.manifest.static or all(map(len, encodings))):
            raise SessionError(
                f"{self.bundle.path}: the tokenizer makes no tokens of a text, expected at least "
                "one for this model: give another text, or check tokenizer.json's post_processor"
            )
        return collate(
            encodings,
            tokenizer.pad_id,
            token_types=tokenizer.token_types,
            first_position=self.bundle.manifest.first_position,
        )


@settled
def open_encoder(
    path: str | Path,
    *,
    variant: str | None = None,
    engine: str | None = None,
    threads: int | None = None,
    providers: Sequence[str] | None = None,
    verify: bool = False,
    compute_units: str | None = None,
    huge_pages: bool | None = None,
    untrusted: bool = False,
    bulk: bool = False,
    meanwhile: Callable[[str], object] = lambda task: None,
) -> Encoder:
    """Open a bundle and make it ready to run; see `edge_distil.load` for the arguments.

    With `bulk` the threads run batches side by side from the start; see `Encoder.bulk`. While the
    model loads, `meanwhile` is called with the bundle's task, for what else takes time.
    """
    calls.flag(verify=verify, untrusted=untrusted)
    given: dict[str, object] = {
        "providers": providers,
        "compute_units": compute_units,
        "huge_pages": huge_pages,
    }
    engines.check_types(variant=variant, **given)
    if untrusted:
        from edge_distil._reading.untrusted import check as check_untrusted  # starts a process

        check_untrusted(Path(path), variant, engine=engine)
    # Resolved once: the working directory, or a link to the bundle, may change later.
    bundle = open_bundle(Path(path).resolve())
    if verify:
        bundle.verify(present=True)
    name, _ = bundle.variant(variant)
    chosen = engines.check_options(engine, name, threads=threads, **given)
    if name.split("-")[0] == CORE_ML:
        from edge_distil import coreml  # most bundles are opened without

        units = compute_units or coreml.COMPUTE_UNITS[0]
        coreml.check_here(name, units)
        return open_coreml(bundle, name, coreml.open_predictor(bundle.model_path(name), units))
    lanes = bulk and providers is None and chosen.library == engines.ONNXRUNTIME

    def read() -> Tokenizer:
        meanwhile(bundle.manifest.task)
        return _open_tokenizer(bundle, bundle.manifest.max_length)

    session: Session
    with beside(read) as tokenizer:
        if chosen.library == engines.OPENVINO:
            from edge_distil.openvino import OpenVinoSession  # most bundles are opened without

            tokenizer.start()
            file = bundle.model_path(name)
            session = OpenVinoSession(file, threads=threads, precision=chosen.precision)
        else:
            session = OnnxSession(
                bundle.model_path(name),
                threads=1 if lanes else threads,
                providers=providers,
                bulk=lanes,
                large_pages=huge_pages,
                bf16=chosen.precision == engines.BF16,
                loading=tokenizer.start,
            )
    workers = hardware.threads(threads) if lanes else 1
    encoder = Encoder(bundle, name, tokenizer.result(), session, workers=workers)
    if chosen != engines.Engine():
        from edge_distil._machine.agreement import check_agreement  # most are opened without

        check_agreement(encoder, chosen)
    return encoder


def open_coreml(bundle: Bundle, name: str, predictor: coreml.Predictor) -> Encoder:
    """Make a Core ML variant ready to run.

    Args:
        bundle: The bundle.
        name: The variant.
        predictor: Runs the package: `coreml.open_predictor`'s on macOS.
    """
    from edge_distil import coreml

    manifest = bundle.manifest
    lengths = coreml.Lengths.from_settings(bundle.variant(name)[1].settings)
    tokenizer = _open_tokenizer(bundle, lengths.longest)
    outputs = {output: _is_per_token(output, manifest.task) for output in manifest.outputs}
    session = coreml.CoreMLSession(predictor, manifest.inputs, outputs, lengths, tokenizer.pad_id)
    return Encoder(bundle, name, tokenizer, session)


def _is_per_token(output: str, task: str) -> bool:
    """Say whether the second axis of an output is the sequence."""
    return output != pooled(task)


def _open_tokenizer(bundle: Bundle, longest: int) -> Tokenizer:
    from edge_distil._tokenizing.tokenizer import Tokenizer  # while a model loads, see above

    tokenizer = Tokenizer(bundle.path, longest, plain=bundle.inferred)
    freed.give_back()  # what reading took: a model's weights come on top
    if wrong := tokenizer.mismatches(bundle.manifest.golden):
        raise BundleCorrupt(
            f"{bundle.path}/tokenizer.json gives other tokens than the checkpoint's for "
            f"{wrong[0].text!r}: it was edited, or the installed tokenizers release behaves "
            "differently; copy the bundle again, or pip install -U tokenizers"
        )
    return tokenizer
