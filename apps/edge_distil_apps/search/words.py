"""The words of a query, in SQLite's full-text index."""

from __future__ import annotations

import re
import sqlite3

# Put around the words that were found. A text that has these characters is only painted wrongly.
MARKS = ("\x02", "\x03")
_MOST_WORDS = 64  # of a query; FTS5 nests an expression at most 256 deep
# Words in more of the passages than this weigh 1e-6 in SQLite's bm25, and cost the most time.
_COMMON = 0.5


class Words:
    """Finds passages that have any of a query's words.

    Each is quoted, so that none is an operator of FTS5; how they are cut and stemmed is left to
    FTS5's own tokenizer.
    """

    def __init__(self, db: sqlite3.Connection, query: str) -> None:
        self._db = db
        parts = re.split(r"[\s\0]+", query)
        words = dict.fromkeys(part for part in parts if any(map(str.isalnum, part)))
        quoted = ['"' + word.replace('"', '""') + '"' for word in list(words)[:_MOST_WORDS]]
        rare = [word for word in quoted if not self._is_common(word)] if quoted[1:] else quoted
        self._match = " OR ".join(rare or quoted) or '""'

    def search(self, count: int) -> list[int]:
        """Return the ids of the `count` best passages by bm25, the best first."""
        rows = self._db.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT ?",
            (self._match, count),
        )
        return [row[0] for row in rows]

    def marked(self, number: int) -> str | None:
        """Return a passage's text with `MARKS` around the words; ``None`` where it has none."""
        row = self._db.execute(
            "SELECT highlight(words, 1, ?, ?) FROM words WHERE words MATCH ? AND rowid = ?",
            (*MARKS, self._match, number),
        ).fetchone()
        return str(row[0]) if row else None

    def _is_common(self, word: str) -> bool:
        found = self._db.execute("SELECT count(*) FROM words WHERE words MATCH ?", (word,))
        passages = self._db.execute("SELECT count(*) FROM passages")
        return bool(found.fetchone()[0] > _COMMON * passages.fetchone()[0])
