"""Whoever can write the database but has no key of ours is found out, whatever is done there."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.audit.conftest import Trail, entry

from vibn.services.audit import End
from vibn.store.tables import audit

CHANGES: list[tuple[str, Any]] = [
    ("at", "2026-03-04 05:06:07.000001+00:00"),
    ("at", "2026-03-04 05:06:07.000000"),
    ("at", "yesterday"),
    ("request", "r5 "),
    ("request", b"r5"),
    ("surface", "mcp"),
    ("token", "t2"),
    ("workspace", "acme2"),
    ("project", ""),
    ("tool", "fs_read"),
    ("arguments", "abd"),
    ("paths", '["a"]'),
    ("paths", '["a", "b", ""]'),
    ("paths", "["),
    ("paths", "7"),
    ("outcome", "denied"),
    ("ms", 1.0),
    ("ms", "soon"),
    ("received", 1),
    ("received", 0.5),
    ("sent", -1),
    ("mac", "0" * 64),
    ("mac", b"\0"),
    ("mac", "\ud800".encode("utf-8", "surrogatepass")),
]


@pytest.mark.parametrize(("column", "value"), CHANGES)
async def test_a_changed_column_is_found_in_its_row(trail: Trail, column: str, value: Any) -> None:
    chain = await trail.write(9)
    trail.attack(f"UPDATE fs_audit SET {column} = :value WHERE seq = 5", value=value)
    verdict = await trail.verdict(chain)
    assert verdict.problem == "row 5 not as written"
    assert verdict.rows == 9


def test_every_column_of_a_row_is_among_the_changes() -> None:
    kept_by_the_key = {"chain", "seq"}
    assert {column for column, _ in CHANGES} | kept_by_the_key == set(audit.columns.keys())


async def test_an_untouched_trail_is_well(trail: Trail) -> None:
    verdict = await trail.verdict(await trail.write(9))
    assert (verdict.ok, verdict.rows, verdict.unsigned, verdict.end) == (True, 9, 0, End.CLOSED)
    assert verdict.last == entry("r9").at


async def test_a_missing_row_in_the_middle_is_found(trail: Trail) -> None:
    chain = await trail.write(9)
    trail.attack("DELETE FROM fs_audit WHERE seq = 5")
    assert (await trail.verdict(chain)).problem == "row 5 missing"


async def test_a_missing_row_is_found_when_the_others_are_numbered_anew(trail: Trail) -> None:
    chain = await trail.write(9)
    trail.attack(
        "DELETE FROM fs_audit WHERE seq = 5", "UPDATE fs_audit SET seq = seq - 1 WHERE seq > 5"
    )
    problem = (await trail.verdict(chain)).problem
    assert problem == "rows 5 to 8 not as written; row 9 cut off the end"


async def test_a_missing_beginning_is_found(trail: Trail) -> None:
    chain = await trail.write(9)
    trail.attack("DELETE FROM fs_audit WHERE seq < 4")
    assert (await trail.verdict(chain)).problem == "rows 1 to 3 missing"


async def test_a_cut_end_is_found_by_its_heads(trail: Trail) -> None:
    chain = await trail.write(9)
    for anchor in (trail.state / "audit" / "anchors").iterdir():
        anchor.unlink()
    trail.attack("DELETE FROM fs_audit WHERE seq > 7")
    assert (await trail.verdict(chain)).problem == "rows 8 to 9 cut off the end"


async def test_a_cut_end_is_found_when_its_heads_are_cut_too(trail: Trail) -> None:
    chain = await trail.write(9)
    trail.attack("DELETE FROM fs_audit WHERE seq > 6", "DELETE FROM fs_audit_heads WHERE seq > 6")
    problem = (await trail.verdict(chain)).problem
    assert problem.startswith("rows 7 to 9 cut off the end")


async def test_a_missing_chain_is_found(trail: Trail) -> None:
    other, chain = await trail.write(3), await trail.write(9)
    for table in ("fs_audit", "fs_audit_heads"):
        trail.attack(f"DELETE FROM {table} WHERE chain = :chain", chain=chain)
    verdict = await trail.verdict(chain)
    assert verdict.problem.startswith("the whole chain is missing: rows 1 to 9")
    assert (await trail.verdict(other)).ok


async def test_two_rows_in_each_others_place_are_found(trail: Trail) -> None:
    chain = await trail.write(9)
    trail.attack(
        "UPDATE fs_audit SET seq = 100 WHERE seq = 4",
        "UPDATE fs_audit SET seq = 4 WHERE seq = 6",
        "UPDATE fs_audit SET seq = 6 WHERE seq = 100",
    )
    problem = (await trail.verdict(chain)).problem
    assert problem.startswith("rows 4 to")
    assert "not as written" in problem


COLUMNS = (
    "at, request, surface, token, workspace, project, tool, arguments, paths, outcome, ms,"
    " received, sent, mac"
)


async def test_a_row_that_was_put_in_is_found(trail: Trail) -> None:
    chain = await trail.write(9)
    trail.attack(
        f"INSERT INTO fs_audit (chain, seq, {COLUMNS})"
        f" SELECT chain, 10, {COLUMNS} FROM fs_audit WHERE seq = 9"
    )
    assert (await trail.verdict(chain)).problem == "row 10 not as written"


async def test_a_row_of_another_chain_is_found(trail: Trail) -> None:
    chain, other = await trail.write(3), await trail.write(9)
    trail.attack(
        f"INSERT INTO fs_audit (chain, seq, {COLUMNS})"
        f" SELECT :chain, seq, {COLUMNS} FROM fs_audit WHERE chain = :other AND seq = 4",
        chain=chain,
        other=other,
    )
    assert (await trail.verdict(chain)).problem == "row 4 not as written"
    assert (await trail.verdict(other)).ok


async def test_a_chain_that_was_invented_is_found(trail: Trail) -> None:
    chain = await trail.write(9)
    invented = chain[:9] + "0" * 16
    for table in ("fs_audit", "fs_audit_heads"):
        trail.attack(f"UPDATE {table} SET chain = :invented", invented=invented)
    assert (await trail.verdict(chain)).problem.startswith("the whole chain is missing")
    assert "rows 1 to 9 not as written" in (await trail.verdict(invented)).problem


async def test_a_chain_under_an_unknown_key_is_not_believed(trail: Trail) -> None:
    await trail.write(3)
    trail.attack("UPDATE fs_audit SET chain = 'ffffffff-' || substr(chain, 10)")
    report = await trail.audit().verify()
    assert "its key is not in the key file" in [v.problem for v in report.verdicts]
    assert not report.ok


async def test_the_name_of_a_chain_is_shown_on_one_line(trail: Trail) -> None:
    await trail.write(3)
    trail.attack("UPDATE fs_audit SET chain = char(10) || 'all is well'")
    report = await trail.audit().verify()
    assert r"\x0aall is well" in [v.chain for v in report.verdicts]


@pytest.mark.parametrize(
    "change",
    [
        "seq = 2 WHERE seq = 3",
        "seq = 99 WHERE seq = 3",
        "mac = 'x' WHERE seq = 6",
        "at = '2030-01-01 00:00:00.000000+00:00' WHERE seq = 6",
        "at = 'x' WHERE seq = 6",
        "final = 1 WHERE seq = 6",
        "final = 0 WHERE seq = 9 AND final",
        "signature = '' WHERE seq = 3",
        "signature = x'00' WHERE seq = 3",
        "seq = 'x' WHERE seq = 3",
    ],
)
async def test_a_changed_head_is_found(trail: Trail, change: str) -> None:
    chain = await trail.write(9)
    if change.startswith("final = 0"):
        trail.attack("DELETE FROM fs_audit_heads WHERE seq = 9 AND NOT final")
    trail.attack(f"UPDATE fs_audit_heads SET {change}")
    assert "signed heads were changed" in (await trail.verdict(chain)).problem


async def test_a_last_head_that_was_taken_away_is_found(trail: Trail) -> None:
    chain = await trail.write(9)
    trail.attack("DELETE FROM fs_audit_heads WHERE final")
    assert "heads were changed or removed" in (await trail.verdict(chain)).problem


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff]", b"[" * 100_000 + b"]"])
async def test_a_changed_anchor_is_found(trail: Trail, content: bytes) -> None:
    chain = await trail.write(3)
    (trail.state / "audit" / "anchors" / chain).write_bytes(content)
    assert "the anchor was changed" in (await trail.verdict(chain)).problem


async def test_an_anchor_of_another_chain_does_not_pass(trail: Trail) -> None:
    chain, other = await trail.write(3), await trail.write(3)
    anchors = trail.state / "audit" / "anchors"
    (anchors / chain).write_bytes((anchors / other).read_bytes())
    assert "the anchor was changed" in (await trail.verdict(chain)).problem


async def test_many_changes_end_in_a_bounded_answer(trail: Trail) -> None:
    chain = await trail.write(300)
    trail.attack("UPDATE fs_audit SET tool = 'x' WHERE seq % 2 = 0")
    verdict = await trail.verdict(chain)
    assert (len(verdict.findings), verdict.more) == (20, 130)
    assert verdict.problem.endswith("and 130 more")


async def test_rows_that_nobody_can_read_end_the_reading(trail: Trail) -> None:
    chain = await trail.write(100)
    trail.attack("UPDATE fs_audit SET at = 'x' WHERE seq > 40")
    assert (await trail.verdict(chain)).problem.startswith("rows 41 to 50 not as written")


async def test_a_number_that_no_row_has_is_found(trail: Trail) -> None:
    """Below one, where a reader that begins at the first row would not look."""
    chain = await trail.write(9)
    trail.attack("UPDATE fs_audit SET seq = -5 WHERE seq = 9", unchecked=True)
    assert "row -5 not as written" in (await trail.verdict(chain)).problem


async def test_verifying_beside_a_writer_finds_nothing(trail: Trail) -> None:
    async with trail.audit() as writing:
        for n in range(2000):
            writing.note(entry(f"r{n}"))
            if n % 100 == 0:
                await writing.flush()
                writing.note(entry("more"))
                report = await writing.verify()
                assert [v.problem for v in report.verdicts] == [""]
                assert report.verdicts[0].end is End.RUNNING
