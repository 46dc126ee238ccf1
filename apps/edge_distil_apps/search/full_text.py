"""The words of a query, in SQLite's full-text index."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping

from edge_distil_apps.search.scripts import spaced, terms, unspaced

# Put around the words that were found. A text that has these characters is only painted wrongly.
MARKS = ("\x02", "\x03")
_BETWEEN = re.compile(r"[\s\0!-/:-@\[-`{-~]+")  # blanks and ASCII punctuation
_MOST_WORDS = 64  # of a query; FTS5 nests an expression at most 256 deep
# Words in more of the passages than this weigh 1e-6 in SQLite's bm25, and cost the most time.
_COMMON = 0.5
_TELLING = 0.1  # words in more of the passages than this are not painted: "is", "how"


class Words:
    """Finds passages that have any of a query's words.

    Each is quoted, so that none is an operator of FTS5; how they are cut and stemmed is left to
    FTS5's own tokenizer.
    """

    def __init__(self, db: sqlite3.Connection, query: str) -> None:
        self._db = db
        found = (term for word in _BETWEEN.split(query) for term in terms(word))
        words = dict.fromkeys(term for term in found if any(map(str.isalnum, term)))
        quoted = [f'"{spaced(word)}"' for word in list(words)[:_MOST_WORDS]]
        passages = db.execute("SELECT count(*) FROM passages").fetchone()[0] or 1
        shares = {word: self._count(word) / passages for word in quoted}
        self._match = _any_of(shares, _COMMON)
        self._telling = _any_of(shares, _TELLING)

    def search(self, count: int) -> list[int]:
        """Return the ids of the `count` best passages by bm25, the best first."""
        rows = self._db.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT ?",
            (self._match, count),
        )
        return [row[0] for row in rows]

    def marked(self, number: int) -> str | None:
        """Return a passage's text with `MARKS` around the words that tell it from others.

        ``None`` where it has none.
        """
        row = self._db.execute(
            "SELECT highlight(words, 1, ?, ?) FROM words WHERE words MATCH ? AND rowid = ?",
            (*MARKS, self._telling, number),
        ).fetchone()
        return unspaced(row[0]) if row else None

    def _count(self, word: str) -> int:
        """Return the number of passages that have a word."""
        found = self._db.execute("SELECT count(*) FROM words WHERE words MATCH ?", (word,))
        return int(found.fetchone()[0])


def _any_of(shares: Mapping[str, float], most: float) -> str:
    """Write "any of these words" for FTS5: those that are rare enough, or else all of them."""
    rare = [word for word, share in shares.items() if 0 < share <= most]
    return " OR ".join(rare or shares) or '""'
