"""An option that takes one value is given once: of two values click keeps the last, in silence."""

from __future__ import annotations

from typing import Any

import typer


def refuse_repeats(command: Any) -> None:
    """Let a command refuse an option that is given again and takes but one value.

    Its parsing ends with `typer.BadParameter` then. Flags may be there twice: nothing is lost.
    """
    make = command.make_parser

    def make_parser(ctx: Any) -> Any:
        parser = make(ctx)
        parse = parser.parse_args

        def parse_args(args: list[str]) -> Any:
            found = parse(args)
            _check(found[2], ctx)
            return found

        parser.parse_args = parse_args
        return parser

    command.make_parser = make_parser


def _check(order: list[Any], ctx: Any) -> None:
    """Refuse a parameter that stands more than once in the order of what was typed.

    Raises:
        BadParameter: There is one.
    """
    for param in order:
        one_value = not (param.multiple or param.nargs == -1 or getattr(param, "is_flag", False))
        if one_value and order.count(param) > 1:
            name = max(param.opts, key=len)
            raise typer.BadParameter(
                f"{name} is given {order.count(param)} times, expected once, for it takes one "
                "value: leave the others out",
                ctx=ctx,
            )
