"""Embed a corpus: any number of rows of a file, in little memory, killed and gone on with.

`open_source` cuts the input into shards of `ROWS` rows (`rows`, `sources`). An engine embeds the
shards that are missing (`engine`, `ray_engine`) and writes each, whole or not at all, into a folder
beside the output (`parts`). When all are there the output is assembled from them (`assembly`).
So the output is the same, bit for bit, however often the work was killed.
"""

from edge_distil_apps.embed.job import Job, Options
from edge_distil_apps.embed.rows import ROWS, Row, Shard
from edge_distil_apps.embed.run import Summary, embed_corpus
from edge_distil_apps.embed.sources import Source, open_source

__all__ = [
    "ROWS",
    "Job",
    "Options",
    "Row",
    "Shard",
    "Source",
    "Summary",
    "embed_corpus",
    "open_source",
]
