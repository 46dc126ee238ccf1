"""``quantize --report`` and ``--max-drop``, as a user types them."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from command import Command, run_without

import edge_distil as ed
from edge_distil._machine import installation

# Cells of a row, in the page's order, as paths in the JSON document.
COLUMNS = (
    "output_error", "sqnr_db", "activation.greatest", "activation.p999", "activation.kurtosis",
    "activation.channel_ratio", "weight.greatest", "weight.channel_ratio", "fp32_bytes",
    "int8_bytes", "time.fp32", "time.variant",
)  # fmt: skip


class Page(HTMLParser):
    """Collects every tag, and the figures of each operator's row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: dict[str, list[float | None]] = {}
        self._row: list[float | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag == "tr" and "data-name" in found:
            self._row = self.rows.setdefault(str(found["data-name"]), [])
        if tag == "td" and "data-value" in found:
            self._row.append(float(found["data-value"]) if found["data-value"] else None)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tiny = Path(__file__).parents[2] / "golden" / "tiny" / "text_classification"
    return Path(shutil.copytree(tiny, tmp_path_factory.mktemp("report") / "bundle"))


@pytest.fixture
def report(bundle: Path, edge_distil: Command) -> tuple[str, dict[str, Any]]:
    """The page and the document, made by the command line."""
    page = bundle / "report" / "int8.html"
    if not page.exists():
        result = edge_distil(
            "quantize", bundle, "--int8", "--force", "--no-calibration", "--report", "--json"
        )
        assert result.status == 0
        assert set(json.loads(result.out)["variants"]) == {"fp32", "int8"}
        assert str(page) in result.err.replace("\n", "")
    return page.read_text("utf-8"), json.loads(page.with_suffix(".json").read_text("utf-8"))


def pick(document: dict[str, Any], path: str) -> float | None:
    value: Any = document
    for name in path.split("."):
        value = value[name] if value is not None else None
    return None if value is None else float(value)


def test_the_page_s_figures_are_the_document_s(report: tuple[str, dict[str, Any]]) -> None:
    text, document = report
    rows = Page(text).rows
    assert rows.keys() == {operator["name"] for operator in document["operators"]}
    for operator in document["operators"]:
        assert rows[operator["name"]] == [pick(operator, column) for column in COLUMNS]


def test_the_page_needs_no_other_file(report: tuple[str, dict[str, Any]]) -> None:
    text, _ = report
    assert not re.search(r"https?://|//[a-z]|@import|url\(", text)
    for tag, attributes in Page(text).tags:
        assert tag not in {"link", "img", "iframe", "object"}
        assert not attributes.keys() & {"src", "href", "srcset"}


def test_the_page_is_well_formed(report: tuple[str, dict[str, Any]]) -> None:
    text, document = report
    tags = [tag for tag, _ in Page(text).tags]
    assert text.startswith("<!doctype html>")
    assert (tags.count("h1"), tags.count("title")) == (1, 1)
    for tag in ("table", "tr", "td", "th", "section", "figure", "svg", "ol", "li", "p", "div"):
        assert tags.count(tag) == text.count(f"</{tag}>"), tag
    assert f" of {len(document['operators'])} operators carr" in text


def test_names_are_escaped(report: tuple[str, dict[str, Any]]) -> None:
    from edge_distil_apps.report import render

    _, document = report
    page = render({**document, "bundle": "<script>alert(1)</script>"})
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_bundle_opens_as_before(bundle: Path, report: tuple[str, dict[str, Any]]) -> None:
    assert report
    ed.open_bundle(bundle, verify=True)
    assert ed.TextClassification.load(bundle, variant="int8")("storm")


def test_max_drop_needs_data(bundle: Path, edge_distil: Command) -> None:
    for command in (("quantize", bundle), ("export", bundle, "-o", bundle / "new")):
        result = edge_distil(*command, "--int8", "--max-drop", "0.5")
        assert result.status == 2
        assert "--max-drop needs --data" in " ".join(result.err.split())
        assert result.out == ""


@pytest.mark.parametrize("flag", ["--report", "--max-drop=1"])
def test_budget_and_report_are_for_int8(flag: str, bundle: Path, edge_distil: Command) -> None:
    data = ("--data", bundle / "config.json")
    result = edge_distil("quantize", bundle, "--fp16", flag, *data)
    assert result.status == 2
    assert "are for --int8" in " ".join(result.err.split())


def test_max_drop_from_the_command_line(bundle: Path, edge_distil: Command) -> None:
    task = ed.TextClassification.load(bundle, variant="fp32")
    texts = ["storm", "a charming film", "old oil lamp", "the cat sat"]
    data = bundle.with_name("data.tsv")
    data.write_text("".join(f"{text}\t{task(text)[0].label}\n" for text in texts))
    command = ("quantize", bundle, "--int8", "--force", "--max-drop", "1", "--data", data, "--json")
    result = edge_distil(*command)
    variant = json.loads(result.out)["variants"]["int8"]
    assert variant["evidence"]["accuracy_budget"]["fp32"] == 100
    assert variant["evidence"]["accuracy_budget"]["result"] >= 99
    assert "evaluating fp32" in result.err


def test_the_extra_that_is_missing_is_named(bundle: Path) -> None:
    done = run_without("jinja2", "quantize", bundle, "--int8", "--report")
    assert done.status == 1
    assert installation.install("apps") in done.err
    assert "quantizing" not in done.err  # it says so before minutes of work
