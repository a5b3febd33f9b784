"""The figures as a person reads them, and as JSON for comparison between commits."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

import vibn
from vibn.bench.figures import Row

REFERENCES = ("subprocess.run", "docker exec")
"""What every time is compared with, where it was measured in the same run."""


def show(rows: Sequence[Row], console: Console) -> None:
    table = Table("what", "p50", "p95", "n", "against (same run)", "budget", "", title="Figures")
    for row in rows:
        verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[row.met]
        against = ", ".join(
            f"{peer.name} {_number(peer.p50)} {peer.unit} ({row.figure.p50 / peer.p50:.2f} x)"
            for peer in row.peers
            if peer.p50
        )
        table.add_row(
            row.what,
            f"{_number(row.figure.p50)} {row.figure.unit}",
            _number(row.figure.p95),
            str(row.figure.n),
            against,
            row.budget,
            verdict,
        )
    console.print(table)


def write(rows: Sequence[Row], runtime: str, skipped: Sequence[str], path: Path) -> None:
    reference = [peer for row in rows for peer in row.peers if peer.name in REFERENCES]
    document = {
        "version": vibn.__version__,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
        "runtime": runtime,
        "rows": [row.as_json(reference) for row in rows],
        "skipped": list(skipped),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
