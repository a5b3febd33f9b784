"""The configuration that people paste."""

from __future__ import annotations

import json
import shlex

import pytest

from vibn.mcp import configs

URL = "http://127.0.0.1:8642/api/mcp"
TOKEN = "vibn_abc-_123"


def test_the_command_for_claude_code_is_one_that_a_shell_takes():
    words = shlex.split(configs.claude_code(URL, TOKEN))
    assert words[:3] == ["claude", "mcp", "add"]
    assert URL in words
    assert words[-2:] == ["--header", f"Authorization: Bearer {TOKEN}"]


@pytest.mark.parametrize(
    ("make", "root", "address"),
    [
        (configs.cursor, "mcpServers", "url"),
        (configs.gemini_cli, "mcpServers", "httpUrl"),
        (configs.vs_code, "servers", "url"),
    ],
)
def test_the_files_are_json_with_the_address_and_the_token(make, root: str, address: str):
    entry = json.loads(make(URL, TOKEN))[root]["vibn"]
    assert entry[address] == URL
    assert entry["headers"] == {"Authorization": f"Bearer {TOKEN}"}


def test_all_of_them_are_told_at_once():
    told = configs.client_config(URL, TOKEN)
    assert [title for title in configs.CLIENTS if title not in told] == []
