"""``edge-distil embed``: a file of texts -> a file of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer

from edge_distil.precision import Precision
from edge_distil.storage import atomic_file
from edge_distil.tasks import Embedding
from edge_distil_apps.cli import console


def embed(
    bundle: Annotated[Path, typer.Argument(help="An embedding bundle.")],
    file: Annotated[str, typer.Argument(help="UTF-8 text, one text a line; - is stdin.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .npy file to write.")],
    precision: Annotated[
        str, typer.Option(help="float32, int8, uint8, binary or ubinary.")
    ] = "float32",
    truncate_dim: Annotated[int | None, typer.Option(help="Keep so many dimensions.")] = None,
    variant: console.VariantName = None,
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Embed the lines of a file.

    Example: `edge-distil embed minilm sentences.txt -o vectors.npy --variant int8`
    """
    if output.suffix != ".npy":
        raise typer.BadParameter(f"--output is {output}, expected a name that ends in .npy")
    texts = console.read_text(file).splitlines()
    task = Embedding.load(bundle, variant=variant, threads=threads)
    with console.progress_bar("embedding") as progress:
        vectors = task.encode(
            texts,
            precision=cast("Precision", precision),
            truncate_dim=truncate_dim,
            show_progress=progress,
        )
    with atomic_file(output) as temporary, temporary.open("wb") as stream:
        np.save(stream, vectors)
    result = {"texts": len(texts), "shape": list(vectors.shape), "file": str(output)}
    if json:
        console.document(result)
    else:
        shape = " x ".join(map(str, vectors.shape))
        console.say(f"{console.text(str(output))}: {shape} {vectors.dtype}")
