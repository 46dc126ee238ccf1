"""Sparse vectors of passages as an inverted index in the database: each token's passages.

A query reads the lists of its own tokens, and nothing is held in memory between queries.
"""

from __future__ import annotations

import sqlite3

from edge_distil.sparse import SparseVector

TABLES = (
    """CREATE TABLE postings (
        token INTEGER NOT NULL, passage INTEGER NOT NULL, weight REAL NOT NULL,
        PRIMARY KEY (token, passage)) WITHOUT ROWID""",
    "CREATE INDEX postings_of_passage ON postings(passage)",
    """CREATE TRIGGER postings_removed AFTER DELETE ON passages BEGIN
        DELETE FROM postings WHERE passage = old.id;
    END""",
)


class Postings:
    """The sparse vectors in a database that has `TABLES`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, number: int | None, vector: SparseVector) -> None:
        """Add a passage's vector."""
        rows = zip(vector.indices.tolist(), vector.values.tolist(), strict=True)
        self._db.executemany(
            "INSERT INTO postings VALUES (?, ?, ?)", ((token, number, w) for token, w in rows)
        )

    def search(self, query: SparseVector, count: int) -> list[int]:
        """Return the `count` passages of the greatest dot products, the greatest first."""
        scores: dict[int, float] = {}
        for token, weight in zip(query.indices.tolist(), query.values.tolist(), strict=True):
            found = self._db.execute(
                "SELECT passage, weight FROM postings WHERE token = ?", (token,)
            )
            for number, other in found:
                scores[number] = scores.get(number, 0.0) + weight * other
        return sorted(scores, key=lambda number: (-scores[number], number))[:count]

    def similarity(self, number: int, query: SparseVector) -> float:
        """Return the dot product of a passage's vector and the query's."""
        weights = dict(zip(query.indices.tolist(), query.values.tolist(), strict=True))
        found = self._db.execute("SELECT token, weight FROM postings WHERE passage = ?", (number,))
        return float(sum(weights.get(token, 0.0) * weight for token, weight in found))
