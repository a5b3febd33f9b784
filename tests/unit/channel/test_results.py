"""Building values: any JSON gives a value or ProtocolViolation, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibn.channel import results
from vibn.channel.fields import clean, number
from vibn.channel.refusal import CODES, read_refusal
from vibn.errors import BY_CODE, ProtocolViolation, Unavailable, VibnError
from vibn.outcomes import ChangeKind, FileChange, GrepMode, JobState

JOB = {
    "id": "j1",
    "name": "dev",
    "cmd": "npm run dev",
    "cwd": "/workspace",
    "pid": 9,
    "state": "running",
    "exit": None,
    "signal": None,
    "started_at": 1.5,
    "ended_at": None,
    "size": 10,
    "first": 4,
}
FILE = {"path": "a", "type": "file", "size": 1, "mtime": 1.0, "mode": 0o644}
SHA = "0" * 64
BUILDERS = {
    "exec": lambda r: results.exec_result(r, b"", 100),
    "job": results.job,
    "job_started": results.job_started,
    "job_output": lambda r: results.job_output(r, b"", 100),
    "file": results.file_info,
    "list": results.file_list,
    "bytes": lambda r: results.file_bytes(r, b"", 100),
    "lines": lambda r: results.text_lines(r, b""),
    "write": results.write_result,
    "edit": results.edit_result,
    "glob": results.glob_result,
    "grep files": lambda r: results.grep_result(r, GrepMode.FILES),
    "grep content": lambda r: results.grep_result(r, GrepMode.CONTENT),
    "grep count": lambda r: results.grep_result(r, GrepMode.COUNT),
    "changes": lambda r: results.file_changes(json.dumps([r]).encode()),
    "forwarded": results.forwarded,
    "unpacked": results.unpacked,
    "info": results.box_info,
}
RIGHT = {
    "job": JOB,
    "job_started": {"id": "j", "pid": 3, "started_at": 1},
    "job_output": {"job": JOB, "offset": 4, "next": 4, "dropped": 0},
    "file": FILE,
    "list": {"entries": [FILE], "truncated": False},
    "bytes": {"size": 0, "mtime": 1, "sha256": SHA, "offset": 0, "next": None},
    "lines": {
        "size": 0,
        "total_lines": 0,
        "start": 1,
        "end": 0,
        "cut_lines": [],
        "encoding": "utf-8",
        "more": False,
    },
    "write": {"size": 1, "sha256": SHA, "created": True},
    "edit": {"replaced": 1, "size": 1, "sha256": SHA, "line": 1, "diff": ""},
    "glob": {"files": [{"path": "a", "size": 1, "mtime": 2}], "truncated": False, "total": 1},
    "grep files": {"files": ["a"], "truncated": True},
    "grep content": {
        "matches": [{"path": "a", "line": 1, "text": "x", "context": False}],
        "truncated": False,
    },
    "grep count": {"counts": [{"path": "a", "count": 2}], "truncated": False},
    "changes": {"path": "a", "kind": "created"},
    "forwarded": {"sent": 1, "received": 2},
    "unpacked": {"files": 1, "bytes": 2},
}
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_the_right_shape_is_taken(name):
    assert BUILDERS[name](RIGHT[name])


@pytest.mark.parametrize("name", sorted(RIGHT))
@given(value=_json, data=st.data())
def test_any_one_field_may_be_wrong(name, value, data):
    key = data.draw(st.sampled_from(sorted(RIGHT[name])))
    try:
        built = BUILDERS[name]({**RIGHT[name], key: value})
    except ProtocolViolation:
        return
    _sound(built)


@pytest.mark.parametrize("name", sorted(BUILDERS))
@given(fields=st.dictionaries(st.text(max_size=8), _json))
def test_any_object_is_a_value_or_a_violation(name, fields):
    with suppress(ProtocolViolation):
        _sound(BUILDERS[name](fields))


def _sound(value):
    """Made of frozen values, and of texts that can be written anywhere."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, tuple):
        for item in value:
            _sound(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _sound(getattr(value, field.name))
    else:
        assert value is None or isinstance(value, bool | int | float | bytes | Enum)


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), 1e300, 10**400])
def test_what_is_no_bounded_number_is_refused(value):
    with pytest.raises(ProtocolViolation):
        number({"n": value}, "n")


@given(st.text() | st.text(st.characters(categories=["Cs"]), max_size=5))
def test_a_cleaned_text_can_be_written_and_keeps_what_could(text):
    cleaned = clean(text)
    cleaned.encode()
    try:
        text.encode()
    except UnicodeEncodeError:
        assert "\ufffd" in cleaned or len(cleaned) < len(text)
    else:
        assert cleaned == text


def test_output_that_does_not_fit_its_lengths_is_refused():
    output = {"job": JOB, "offset": 4, "next": 9, "dropped": 0}
    assert results.job_output(output, b"12345", 5).job.state is JobState.RUNNING
    for body, most in ((b"1234", 5), (b"123456", 6), (b"12345", 4)):
        with pytest.raises(ProtocolViolation):
            results.job_output(output, body, most)


def test_a_file_that_goes_on_without_a_byte_is_refused():
    endless = {"size": 9, "mtime": 1, "sha256": None, "offset": 4, "next": 4}
    with pytest.raises(ProtocolViolation, match="empty part"):
        results.file_bytes(endless, b"", 10)


@pytest.mark.parametrize("piece", [b"", b"{", b"{}", b"[1]", b'[{"kind":"x"}]', b"[" * 50_000])
def test_changes_that_are_no_lists_are_refused(piece):
    with pytest.raises(ProtocolViolation):
        results.file_changes(piece)


def test_joined_changes_are_all_found():
    piece = b'[{"kind":"created","path":"a"}]\n[{"kind":"overflow"}]'
    found = results.file_changes(piece)
    assert found == (FileChange(ChangeKind.CREATED, "a"), FileChange(ChangeKind.OVERFLOW))


@given(
    fields=st.fixed_dictionaries(
        {"code": st.sampled_from(sorted(CODES)), "message": _json, "detail": _json}
    )
)
def test_any_refusal_is_an_error_of_the_tree_with_bounded_texts(fields):
    try:
        error = read_refusal(fields, cancelled=True)
    except ProtocolViolation:
        return
    assert isinstance(error, VibnError)
    assert len(json.dumps(error.detail)) < 20_000


def test_every_code_of_an_agent_is_a_code_of_the_tree():
    assert CODES - {"cancelled"} <= set(BY_CODE)
    cancelled = {"code": "cancelled", "message": "m"}
    assert isinstance(read_refusal(cancelled, cancelled=True), Unavailable)
