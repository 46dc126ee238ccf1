"""From the parts to the output: streamed, so that memory holds one shard, and whole or not.

Three forms of output: one ``.npy`` array, one Parquet file, or a directory of Parquet files. Each
is built inside the folder of parts and moved into its place at the end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil._writing.storage import storage_errors
from edge_distil_apps.embed.blocks import Block, blocks, ranges
from edge_distil_apps.embed.job import Job
from edge_distil_apps.embed.parquet import spare_memory
from edge_distil_apps.embed.parts import Parts
from edge_distil_apps.embed.rows import Shard
from edge_distil_apps.embed.sources import Source

# Shards of one Parquet file of a directory: 65,536 rows, about 100 MB of 384 dimensions.
SHARDS_A_FILE = 64


def check_output(job: Job) -> None:
    """Find out before the work, not after it, that the output cannot be written.

    Raises:
        ModuleNotFoundError: It needs pyarrow, which is not installed. It is not imported yet, for
            the memory that it takes.
    """
    if job.output.suffix != ".npy" and find_spec("pyarrow") is None:
        raise ModuleNotFoundError("a Parquet output needs pyarrow", name="pyarrow")


def assemble(
    job: Job, source: Source, shards: Sequence[Shard], parts: Parts
) -> tuple[tuple[int, int], str]:
    """Write the output from parts that are all there.

    Args:
        job: The job.
        source: Its input, for the columns that are kept.
        shards: All its shards.
        parts: Their vectors.

    Returns:
        The shape of the embeddings and the type of their numbers.

    Raises:
        StorageError: The place cannot be written; the parts are kept.
    """
    made = parts.path / "output"
    with storage_errors(job.output):
        limits = ranges(shards, parts, job.precision)
        head = next(blocks(shards[:1], parts, job.precision, limits)).vectors
        shape = (sum(shard.rows for shard in shards), head.shape[1])
        kept = [] if job.output.suffix == ".npy" and not job.is_directory else _kept(source, shards)
        if job.is_directory:
            made.mkdir(exist_ok=True)
            for number, start in enumerate(range(0, len(shards), SHARDS_A_FILE)):
                some = shards[start : start + SHARDS_A_FILE]
                found = blocks(some, parts, job.precision, limits)
                _write_parquet(made / f"part-{number:05}.parquet", source, some, found, kept)
        else:
            found = blocks(shards, parts, job.precision, limits)
            if job.output.suffix == ".npy":
                _write_npy(made, shape, head.dtype, found)
            else:
                _write_parquet(made, source, shards, found, kept)
        _move(made, job.output)
    return shape, str(head.dtype)


def _write_npy(
    path: Path, shape: tuple[int, int], dtype: np.dtype[Any], found: Iterator[Block]
) -> None:
    """Write what `numpy.save` would of the whole array."""
    descr = np.lib.format.dtype_to_descr(dtype)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": descr, "fortran_order": False, "shape": shape}
        )
        for block in found:
            file.write(np.ascontiguousarray(block.vectors).data)


def _kept(source: Source, shards: Sequence[Shard]) -> list[Any]:
    spare_memory()
    from edge_distil_apps.embed import parquet_output  # pyarrow takes 60 MB: only where needed

    return parquet_output.kept_fields(source, shards)


def _write_parquet(
    path: Path, source: Source, shards: Sequence[Shard], found: Iterator[Block], kept: list[Any]
) -> None:
    from edge_distil_apps.embed import parquet_output

    parquet_output.write(path, source, shards, found, kept)


def _move(made: Path, output: Path) -> None:
    """Put the finished output in its place, where an older one may be."""
    if output.is_dir():
        replaced = made.with_name("replaced")  # goes with the folder of parts
        shutil.rmtree(replaced, ignore_errors=True)  # of a run that was killed after its move
        os.replace(output, replaced)
    os.replace(made, output)
