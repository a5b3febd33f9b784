"""Bytes of files in and out, and what lies in /workspace."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import AsyncIterator

import httpx2
import pytest

FILES = "/api/v1/projects/shop/files"
SHOP = "/api/v1/projects/shop"
TEXT = b"0123456789"
SHA = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
async def stored(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    made = await client.put(f"{FILES}/docs/a.txt", content=TEXT)
    assert (made.status_code, made.json()["sha256"], made.json()["created"]) == (201, SHA, True)
    return client


async def test_a_file_comes_back_as_it_was_sent(stored: httpx2.AsyncClient) -> None:
    found = await stored.get(f"{FILES}/docs/a.txt")
    assert (found.status_code, found.content, found.headers["ETag"]) == (200, TEXT, f'"{SHA}"')
    assert found.headers["Last-Modified"].endswith("GMT")
    assert found.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_name_may_hold_any_character(client: httpx2.AsyncClient) -> None:
    for name in ("a b", "100%", "q?x#y", "umläut", "new\nline", "a\\b", "😀"):
        address = f"{FILES}/" + "".join(f"%{byte:02x}" for byte in name.encode())
        assert (await client.put(address, content=name.encode())).status_code == 201
        assert (await client.get(address)).content == name.encode()


async def test_head_tells_what_get_would(stored: httpx2.AsyncClient) -> None:
    whole = await stored.get(f"{FILES}/docs/a.txt")
    told = await stored.head(f"{FILES}/docs/a.txt")
    assert (told.status_code, told.content, told.headers) == (200, b"", whole.headers)
    assert (await stored.head(f"{FILES}/nothing")).status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-1,4-5", 200, TEXT, None),
    ],
)
async def test_a_range_is_a_part_of_it(
    stored: httpx2.AsyncClient, asked: str, status: int, content: bytes, told: str | None
) -> None:
    found = await stored.get(f"{FILES}/docs/a.txt", headers={"Range": asked})
    assert (found.status_code, found.content) == (status, content)
    assert found.headers.get("Content-Range") == told


async def test_a_range_beyond_the_end_cannot_be_answered(stored: httpx2.AsyncClient) -> None:
    found = await stored.get(f"{FILES}/docs/a.txt", headers={"Range": "bytes=10-"})
    assert (found.status_code, found.headers["Content-Range"]) == (416, "bytes */10")
    assert found.json()["error"]["code"] == "invalid_input"


async def test_who_has_the_content_is_not_sent_it_again(stored: httpx2.AsyncClient) -> None:
    found = await stored.get(f"{FILES}/docs/a.txt", headers={"If-None-Match": f'"{SHA}"'})
    assert (found.status_code, found.content) == (304, b"")
    other = await stored.get(f"{FILES}/docs/a.txt", headers={"If-None-Match": '"x"'})
    assert other.status_code == 200


async def test_a_change_for_another_content_is_refused(stored: httpx2.AsyncClient) -> None:
    address = f"{FILES}/docs/a.txt"
    first = await stored.put(address, content=b"2", headers={"If-Match": f'"{SHA}"'})
    second = await stored.put(address, content=b"3", headers={"If-Match": f'"{SHA}"'})
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["error"]["code"] == "hash_mismatch"
    again = await stored.put(address, content=b"4", headers={"If-Match": first.headers["ETag"]})
    assert again.status_code == 200


async def test_a_file_that_is_there_is_not_made_again(stored: httpx2.AsyncClient) -> None:
    star = {"If-None-Match": "*"}
    refused = await stored.put(f"{FILES}/docs/a.txt", content=b"x", headers=star)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "already_exists")
    assert (await stored.put(f"{FILES}/new", content=b"x", headers=star)).status_code == 201


async def test_an_upload_comes_in_pieces(client: httpx2.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(40):
            yield bytes([number]) * 100_000

    made = await client.put(f"{FILES}/big", content=pieces())
    assert (made.status_code, made.json()["size"]) == (201, 4_000_000)
    found = await client.get(f"{FILES}/big")
    assert hashlib.sha256(found.content).hexdigest() == made.json()["sha256"]
    tail = await client.get(f"{FILES}/big", headers={"Range": "bytes=3999999-"})
    assert tail.content == bytes([39])


async def test_a_directory_goes_as_a_whole_or_not_at_all(stored: httpx2.AsyncClient) -> None:
    assert (await stored.delete(f"{FILES}/docs")).status_code == 400
    gone = await stored.delete(f"{FILES}/docs?recursive=true")
    assert gone.json() == {"removed": 2}


async def test_files_are_listed_looked_at_and_moved(stored: httpx2.AsyncClient) -> None:
    assert (await stored.post(f"{SHOP}/mkdir", json={"path": "x/y"})).json() == {"created": True}
    move = {"path": "docs/a.txt", "to": "x/y/b.txt"}
    assert (await stored.post(f"{SHOP}/move", json=move)).json() == {"path": "x/y/b.txt"}
    tree = (await stored.get(f"{SHOP}/tree?depth=3")).json()
    assert [entry["path"] for entry in tree["entries"]] == ["docs", "x", "x/y", "x/y/b.txt"]
    assert (await stored.get(f"{SHOP}/stat?path=x/y/b.txt")).json()["size"] == 10


async def test_a_directory_comes_as_a_tar_and_goes_back_as_one(stored: httpx2.AsyncClient) -> None:
    packed = await stored.get(f"{SHOP}/archive?path=docs")
    with tarfile.open(fileobj=io.BytesIO(packed.content)) as archive:
        assert archive.getnames() == ["a.txt"]
    unpacked = await stored.put(f"{SHOP}/archive?path=copy", content=packed.content)
    assert unpacked.json() == {"files": 1, "bytes": 10}
    assert (await stored.get(f"{FILES}/copy/a.txt")).content == TEXT


async def test_what_is_no_tar_is_refused(client: httpx2.AsyncClient) -> None:
    refused = await client.put(f"{SHOP}/archive", content=b"no tar" * 1000)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_input")
    missing = await client.get(f"{SHOP}/archive?path=nothing")
    assert missing.status_code == 404
