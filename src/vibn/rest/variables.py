"""Environment variables in a request, told in the OpenAPI document as the services check them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import WithJsonSchema

_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
_OWN_NAME = r"^(?!VIBN_)[A-Za-z_][A-Za-z0-9_]{0,127}$"
_VALUE = {"type": "string", "pattern": r"^[^\x00]*$"}


def _schema(name: str, value: dict[str, Any]) -> WithJsonSchema:
    named = {"type": "string", "pattern": name}
    return WithJsonSchema({"type": "object", "propertyNames": named, "additionalProperties": value})


Variables = Annotated[dict[str, str], _schema(_OWN_NAME, _VALUE)]
Changes = Annotated[
    dict[str, str | None], _schema(_OWN_NAME, {"anyOf": [_VALUE, {"type": "null"}]})
]
CommandVariables = Annotated[dict[str, str], _schema(_NAME, _VALUE)]
NAME_SCHEMA: dict[str, Any] = {"pattern": _OWN_NAME}
