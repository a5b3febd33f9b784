"""The official conformance suite, against the fixture tools, for both protocol eras.

What is expected to fail stands, with its reason, in the YAML files beside; the suite fails for
what fails beyond that, and for what does not fail any more.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.mcp.conftest import Served
from tests.integration.mcp.npm import HERE, node

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.usefixtures("npm_programs")]


async def test_the_handshake_eras_conform(fixtures: Served, tmp_path: Path) -> None:
    ran = await node(
        "conformance/dist/index.js",
        *("server", "--url", fixtures.everywhere, "--suite", "all", "-o", str(tmp_path)),
        *("--expected-failures", str(HERE / "conformance-2025-11-25.yml")),
        cwd=tmp_path,
    )
    assert ran.status == 0, ran.output
    assert "14 passed" in ran.output


async def test_the_era_of_single_exchanges_conforms(fixtures: Served, tmp_path: Path) -> None:
    ran = await node(
        "conformance-next/dist/index.js",
        *("server", "--url", fixtures.everywhere, "--requirements", "2026-07-28"),
        *("--expected-failures", str(HERE / "conformance-2026-07-28.yml"), "-o", str(tmp_path)),
        cwd=tmp_path,
    )
    assert ran.status == 0, ran.output
    assert "107 passed" in ran.output
