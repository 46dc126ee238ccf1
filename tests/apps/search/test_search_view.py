"""What a person sees of a search: it fits, it is safe, and it shows the lines that matter."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from edge_distil_apps.search import Hit, Sourced
from edge_distil_apps.search.full_text import MARKS
from edge_distil_apps.search.view import Page

FOLDER = Path("/books")


def make_hit(text: str, *, start: int = 1, file: str = "sea.txt") -> Hit:
    """A hit whose words stand between square brackets in `text`."""
    marked = text.replace("[", MARKS[0]).replace("]", MARKS[1])
    plain = text.replace("[", "").replace("]", "")
    end = start + plain.count("\n")
    return Hit(file, start, end, "Book > Chapter", plain, marked, 0.0164, 0.5, 1, None)


def show(page: Page, width: int = 80, *, colours: bool = False) -> str:
    console = Console(
        width=width, file=io.StringIO(), force_terminal=colours, legacy_windows=False,
        color_system="truecolor" if colours else None,
    )  # fmt: skip
    console.print(page)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120])
@settings(max_examples=25)
@given(text=st.text(min_size=1).filter(str.strip))
def test_rows_fit_and_nothing_commands_the_terminal(width: int, text: str) -> None:
    hit = make_hit(f"before {text} " + "word " * 60)
    shown = show(Page([hit], FOLDER), width)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    assert all(cell_len(row) <= width for row in shown.split("\n"))


def test_the_rows_with_the_words_are_shown_with_their_numbers() -> None:
    lines = [f"line {number}" for number in range(1, 40)]
    lines[29] = "here is the [lamp] and more [oil]"
    hit = make_hit("\n".join(lines), start=101)
    shown = show(Page([hit], FOLDER))
    assert "130 │ here is the lamp and more oil" in shown
    assert "line 1\n" not in shown
    assert "line 1\n" in show(Page([hit], FOLDER, whole=True))


def test_the_answer_comes_first_and_is_shown_in_its_passage() -> None:
    hits = [make_hit("A [storm]."), make_hit("many\n" * 30 + "The keeper is Ada Byron.", start=5)]
    begin = hits[1].text.index("Ada")
    answer = Sourced("Ada Byron", 0.75, "sea.txt", 35, 1, begin, begin + 9)
    shown = show(Page(hits, FOLDER, answer)).split("\n")
    assert shown[0].split() == ["Ada", "Byron"]
    assert shown[1].split() == ["0.75", "·", "/books/sea.txt:35"]
    assert any(row.split()[:2] == ["35", "│"] for row in shown)


def test_places_are_links_and_words_are_painted_on_a_terminal() -> None:
    shown = show(Page([make_hit("the [lamp]")], FOLDER), colours=True)
    assert "file:///books/sea.txt" in shown
    assert re.search(r"\x1b\[1;33mlamp\x1b\[0m", shown)
