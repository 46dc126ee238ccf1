"""The tables of an index: files, their passages, and what finds these."""

from __future__ import annotations

from edge_distil_apps.search.postings import TABLES as POSTINGS

# AUTOINCREMENT: an id is never given twice, so a vector that has one stays right for it.
TABLES = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE files (
        id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, bytes INTEGER NOT NULL,
        modified INTEGER NOT NULL, sha256 TEXT NOT NULL)""",
    """CREATE TABLE passages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL REFERENCES files(id),
        start INTEGER NOT NULL, "end" INTEGER NOT NULL, heading TEXT NOT NULL,
        text TEXT NOT NULL)""",
    "CREATE INDEX passages_of_file ON passages(file)",
    "CREATE TABLE vectors (id INTEGER PRIMARY KEY, vector BLOB NOT NULL)",
    """CREATE VIEW spaced_passages AS
        SELECT id, spaced(heading) AS heading, spaced(text) AS text FROM passages""",
    """CREATE VIRTUAL TABLE words USING fts5(
        heading, text, content='spaced_passages', content_rowid='id',
        tokenize='porter unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER passage_added AFTER INSERT ON passages BEGIN
        INSERT INTO words(rowid, heading, text)
            VALUES (new.id, spaced(new.heading), spaced(new.text));
    END""",
    """CREATE TRIGGER passage_removed AFTER DELETE ON passages BEGIN
        INSERT INTO words(words, rowid, heading, text)
            VALUES ('delete', old.id, spaced(old.heading), spaced(old.text));
        DELETE FROM vectors WHERE id = old.id;
    END""",
    *POSTINGS,  # an index of an older release has none, and no sparse vectors
)
