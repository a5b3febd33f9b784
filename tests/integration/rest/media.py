"""Bodies that schemathesis cannot make by itself; it is told of this file by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import io
import tarfile

import schemathesis
from hypothesis import strategies as st


def tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


names = st.text("abc", min_size=1, max_size=3)
tars = st.dictionaries(names, st.binary(max_size=20), max_size=3).map(tar)
schemathesis.openapi.media_type("application/x-tar", st.one_of(tars, st.binary(max_size=50)))
