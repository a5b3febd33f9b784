"""``vibn doctor``: what this machine has and lacks, each finding with its FIX line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from vibn.cli.output import print_json
from vibn.cli.setup import line
from vibn.config import Settings
from vibn.errors import VibnError
from vibn.models import Finding, Severity
from vibn.runtimes import choice
from vibn.services.checks import check

_MARKS = {
    Severity.OK: "[green]ok[/]     ",
    Severity.WARNING: "[yellow]warning[/]",
    Severity.ERROR: "[bold red]error[/]  ",
}


async def run(as_json: bool = False) -> int:
    """Exit status: 1 when a finding is an error."""
    settings = Settings()
    chosen = ""
    try:
        decided = await choice.choose(settings)
        chosen = line(decided)
        findings = await check(settings, decided)
    except VibnError as error:
        findings = [Finding(Severity.ERROR, "runtime", error.message, error.hint)]
    if as_json:
        print_json({"runtime": chosen, "findings": findings})
    else:
        console = Console(soft_wrap=True, highlight=False)
        if chosen:
            console.print(chosen)
        show(findings, console)
    return int(any(f.severity is Severity.ERROR for f in findings))


def show(findings: Sequence[Finding], console: Console) -> None:
    for finding in findings:
        console.print(f"{_MARKS[finding.severity]} {finding.subject}: {escape(finding.message)}")
        if finding.fix:
            console.print(f"        FIX: {escape(finding.fix)}")
    bad = sum(f.severity is not Severity.OK for f in findings)
    console.print(f"{len(findings)} checks, {bad} to look at" if bad else "all is well")
