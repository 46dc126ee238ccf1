"""``edge-distil models``: the tasks and architectures that there are."""

from __future__ import annotations

from typing import Annotated

from edge_distil_apps import supported
from edge_distil_apps.cli import console, options


def models(
    every: Annotated[
        bool, options.flag("--all", text="Families that no test exports, too: some seconds.")
    ] = False,
    json: console.Json = False,
) -> None:
    """Show which tasks and which families of models can be exported.

    Examples:
    `edge-distil models`

    `edge-distil models --all --json`

    The task is told from the class in config.json. A family is config.json's model_type. Every
    export is compared with PyTorch, of a tested family or not; one that differs is not written.
    """
    tasks = supported.tasks()
    found: list[str] | None = None
    if every:
        with console.needs_export():
            found = supported.others()
    if json:
        listed = [task._asdict() for task in tasks]
        console.document({"tasks": listed, "tested": supported.TESTED, "others": found})
        return
    for task in tasks:
        console.say(f"[bold]{task.name}[/bold]: {task.does}")
        also = f"; also: {', '.join(task.also)}" if task.also else ""
        console.say(console.text(f"    {task.classes}{also}"))
    console.say(f"families, tested with every head: {', '.join(supported.TESTED)}")
    if found is None:
        console.say("others that transformers has may do as well: edge-distil models --all")
    else:
        console.say(f"others, compared at export as well: {', '.join(found)}")
