"""``tokenizer.json``, read within limits, with what the files beside it say."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer

from edge_distil._reading import links
from edge_distil._reading.rust import reading
from edge_distil._tokenizing.settings import TokenizerSettings, read_settings
from edge_distil.errors import BundleCorrupt, BundleFileMissing

_LARGEST = 256 << 20  # bytes; the largest vocabularies, of 256,000 entries, take 40 MB


def load(folder: Path, *, plain: bool = False) -> tuple[FastTokenizer, TokenizerSettings]:
    """Read the tokenizer of a bundle, or put that of a plain hub directory together.

    Args:
        folder: The directory.
        plain: It is not a bundle: what its files say beside ``tokenizer.json`` counts.

    Raises:
        BundleFileMissing: There is no ``tokenizer.json``.
        BundleCorrupt: It or a file beside it cannot be read.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise BundleFileMissing(
            f"{path} is missing: copy the whole bundle again, or export it again"
        )
    links.check_inside(folder, path)
    if path.stat().st_size > _LARGEST:
        raise BundleCorrupt(f"{path} is larger than {_LARGEST:,} bytes: get another bundle")
    with reading(path):
        fast = FastTokenizer.from_file(str(path))
    settings = read_settings(folder, fast)
    if plain:
        from edge_distil._reading.foreign_tokenizer import complete  # most are bundles

        with reading(path):
            fast = complete(fast, folder)
    # Checkpoints carry whatever padding and truncation they were trained with.
    fast.no_padding()
    fast.no_truncation()
    fast.encode_special_tokens = settings.split_special
    return fast, settings
