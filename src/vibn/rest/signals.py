"""Names of signals."""

from __future__ import annotations

import signal
from typing import Annotated

from pydantic import AfterValidator, Field

NAMES = tuple(sorted(name.name.removeprefix("SIG") for name in signal.Signals))


def check_signal(name: str) -> str:
    """Without ``SIG``. Raises ValueError."""
    short = name.removeprefix("SIG")
    if short not in NAMES:
        raise ValueError("should be a signal such as TERM or INT")
    return short


_spellings = [*NAMES, *(f"SIG{name}" for name in NAMES)]
SignalName = Annotated[
    str, Field(json_schema_extra={"enum": list(_spellings)}), AfterValidator(check_signal)
]
