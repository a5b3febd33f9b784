"""What commands print: JSON for programs, tables for people, tabs where nobody looks."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from vibn.cli.plain import one_line


def print_json(value: object) -> None:
    """A value of the SDK, or plain data, as JSON with ISO times."""
    print(json.dumps(_data(value), indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], empty: str = "") -> None:
    """With a heading on a terminal; else a line a row, tabs between, for other programs.
    ``empty`` is told on stderr when there is no row."""
    if not rows:
        if empty:
            print(empty, file=sys.stderr)
        return
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(one_line(cell) for cell in row))
        return
    _rich_table(columns, rows)


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    Console().print(table)


def print_fields(fields: Mapping[str, str]) -> None:
    """A line each; what is empty is left out."""
    shown = {name: value for name, value in fields.items() if value}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        print(f"{name:{width}}  {one_line(value)}")


def note(text: str) -> None:
    """For a person: on stderr, so that it is in no pipe."""
    print(one_line(text), file=sys.stderr)


def _data(value: Any) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return _data(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): _data(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_data(part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
