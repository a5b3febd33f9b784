"""Checking of an operation's arguments."""

from __future__ import annotations

from .failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

REQUIRED = object()
"""The default of an argument that must be there."""

NUMBER = (int, float)


def take(
    args: Mapping[str, Any], spec: Mapping[str, tuple[type | tuple[type, ...], object]]
) -> dict[str, Any]:
    """All arguments of ``spec`` ({name: (types, default)}), defaults filled in.

    A missing key takes the default, or is refused when that is REQUIRED; ``null`` is taken where
    the default is None. A bool is never an int here, and NaN and infinities are no numbers.
    Raises Failure(invalid_input) for an unknown key, a wrong type or a text with a NUL.
    """
    for key in args:
        if key not in spec:
            raise Failure("invalid_input", "unknown argument %r" % key[:100])
    found = {}
    for key, (types, default) in spec.items():
        if key not in args:
            if default is REQUIRED:
                raise Failure("invalid_input", "the argument %r is missing" % key)
            found[key] = default
            continue
        value = args[key]
        if value is not None or default is not None:
            _check(key, value, types if isinstance(types, tuple) else (types,))
        found[key] = value
    return found


def _check(key: str, value: object, types: tuple[type, ...]) -> None:
    kind = type(value)
    if kind not in types:
        names = " or ".join(t.__name__ for t in types)
        raise Failure("invalid_input", "%s must be %s, not %s" % (key, names, kind.__name__))
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        raise Failure("invalid_input", "%s must be a finite number" % key)
    if isinstance(value, str) and "\0" in value:
        raise Failure("invalid_input", "%s must not hold a NUL character" % key)


def bounded(key: str, value: float, low: float, high: float) -> None:
    """Refuses a number outside ``low..high``."""
    if not low <= value <= high:
        raise Failure("invalid_input", "%s must be within %s to %s" % (key, low, high))
