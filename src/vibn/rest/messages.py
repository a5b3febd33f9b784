"""The text messages of a terminal's client."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from vibn.errors import InvalidInput
from vibn.outcomes import Terminal
from vibn.rest.mistakes import invalid_fields
from vibn.rest.params import Body, Integer
from vibn.rest.signals import SignalName
from vibn.services.shell import MAX_TIMEOUT_MS

Side = Annotated[int, Field(ge=1, le=4096), Integer]


class Size(Body):
    rows: Side = 24
    cols: Side = 80
    term: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{1,64}$")] = "xterm-256color"


class Begin(Body):
    """``command`` None: a login shell. ``terminal`` None: stdout and stderr apart."""

    command: str | None = None
    cwd: str | None = None
    env: dict[str, str] | None = None
    user: Literal["vibn", "root"] | None = None
    timeout_ms: Annotated[int | None, Field(ge=1, le=MAX_TIMEOUT_MS), Integer] = None
    terminal: Size | None = None

    @property
    def size(self) -> Terminal | None:
        return Terminal(**self.terminal.model_dump()) if self.terminal else None


class Resize(Body):
    type: Literal["resize"]
    rows: Side
    cols: Side


class Signal(Body):
    type: Literal["signal"]
    name: SignalName


class Eof(Body):
    type: Literal["eof"]


Control = Resize | Signal | Eof
_CONTROL: TypeAdapter[Control] = TypeAdapter(Annotated[Control, Field(discriminator="type")])
_BEGIN = TypeAdapter(Begin)
M = TypeVar("M")


def begin_in(text: str) -> Begin:
    """Raises InvalidInput that names each wrong field."""
    return _read(_BEGIN, text)


def control_in(text: str) -> Control:
    """Raises InvalidInput."""
    return _read(_CONTROL, text)


def _read(adapter: TypeAdapter[M], text: str) -> M:
    try:
        return adapter.validate_json(text.encode(errors="replace"))
    except ValidationError as error:
        raise _refused(error) from None


def _refused(error: ValidationError) -> InvalidInput:
    return invalid_fields(error.errors(include_url=False, include_input=False))
