"""What all tests share: tests that need a part of the machine say so by a marker, and CI, which
installs every part, names them in VIBN_TEST_REQUIRE (``docker,postgres,bubblewrap``): there a
skipped test of such a marker is a failure, and so is a marker without a single passed test."""

from __future__ import annotations

import os
from collections import Counter

import pytest

pytest_plugins = ["tests.postgres"]

REQUIRED = tuple(filter(None, os.environ.get("VIBN_TEST_REQUIRE", "").split(",")))
_passed: Counter[str] = Counter()
_skipped: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    for marker in REQUIRED:
        if item.get_closest_marker(marker) is None:
            continue
        if report.when == "call" and report.passed:
            _passed[marker] += 1
        elif report.skipped:
            _skipped.append(f"{marker}: {item.nodeid}: {report.longrepr}")
    return report


def _missing() -> list[str]:
    absent = [f"{m}: no test of it passed" for m in REQUIRED if not _passed[m]]
    return absent + _skipped


def pytest_sessionfinish(session: pytest.Session) -> None:
    if REQUIRED and _missing() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not REQUIRED:
        return
    for marker in REQUIRED:
        terminalreporter.write_line(f"required {marker}: {_passed[marker]} tests passed")
    for line in _missing():
        terminalreporter.write_line(f"REQUIRED BUT NOT RUN {line}", red=True)
