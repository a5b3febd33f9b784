"""What all tests share: tests that need a part of the machine say so by a marker, and CI, which
installs every part, names them in VIBN_TEST_REQUIRE (``docker,postgres,bubblewrap``): there a
marker without a passed test is a failure, and so is a skipped test of it, but for reasons that
begin with ``this`` (this kernel, this runtime): those no installation can mend."""

from __future__ import annotations

import os
from collections import Counter

import pytest

pytest_plugins = ["tests.postgres"]

REQUIRED = tuple(filter(None, os.environ.get("VIBN_TEST_REQUIRE", "").split(",")))
_passed: Counter[str] = Counter()
_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """With several workers only their reports reach the process that decides."""
    for marker in REQUIRED:
        if marker not in report.keywords:
            continue
        if report.when == "call" and report.passed:
            _passed[marker] += 1
        elif report.skipped and not _reason(report).startswith("this "):
            _skipped.append(f"{marker}: {report.nodeid}: {_reason(report)}")


def _reason(report: pytest.TestReport) -> str:
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return said.removeprefix("Skipped: ")


def _missing() -> list[str]:
    absent = [f"{m}: no test of it passed" for m in REQUIRED if not _passed[m]]
    return absent + _skipped


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    worker = hasattr(session.config, "workerinput")
    if not worker and REQUIRED and _missing() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for marker in REQUIRED:
        terminalreporter.write_line(f"required {marker}: {_passed[marker]} tests passed")
    for line in _missing() if REQUIRED else ():
        terminalreporter.write_line(f"REQUIRED BUT NOT RUN {line}", red=True)
