"""A report as a reader of HTML finds it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "wbr", "br", "line", "rect", "circle", "path"}


class Page(HTMLParser):
    """Collects tags, tables by title, and what is left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.tables: dict[str, list[list[tuple[str, str | None]]]] = {}
        self.words: list[str] = []
        self._rows: list[list[tuple[str, str | None]]] = []
        self._value: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "div" and found.get("role") == "region":
            self._rows = self.tables.setdefault(str(found["aria-label"]), [])
        if tag == "tr":
            self._rows.append([])
        if tag in {"td", "th"}:
            self._value = found.get("data-value")
            self._rows[-1].append(("", self._value))

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"td", "th"}:
            text, value = self._rows[-1][-1]
            self._rows[-1][-1] = (text + data, value)
        if self.open and self.open[-1] not in {"style", "script"}:
            self.words.append(data)

    def column(self, table: str, column: str) -> dict[str, float | None]:
        """Return a column's values by the name of the row."""
        head, *rows = self.tables[table]
        index = [text for text, _ in head].index(column)
        values = {row[0][0]: row[index][1] for row in rows}
        return {name: None if v is None else float(v) for name, v in values.items()}
