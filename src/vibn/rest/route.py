"""A route that takes what it declares and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from vibn.errors import VibnError
from vibn.rest.bounded import bounded
from vibn.rest.mistakes import invalid, malformed, refused
from vibn.rest.visit import Visit, deps_of, length_of

SMALL = 64 * 1024
"""Bytes of a body that are read before it is known whose they are."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """Refuses unknown and repeated query parameters. What is wrong with a request is told to
    those alone who may call: others hear that first."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        known = {field.alias for field in self.dependant.query_params}
        takes_body = self.body_field is not None

        async def strict(request: Request) -> Response:
            if takes_body:
                request = await _with_body(request)
            try:
                if request.url.query:
                    _check_query(request, known)
                return await handle(request)
            except RequestValidationError as error:
                wrong = invalid(error, request.headers.get("content-type", ""))
            except HTTPException as error:
                # FastAPI's word for a body that it could not read.
                if isinstance(error.__cause__, VibnError | ClientDisconnect):
                    raise error.__cause__ from None
                wrong = malformed()
            except _WrongQuery as error:
                wrong = refused(error.fields)
            await _check_caller(request)
            raise wrong

        return strict


async def _with_body(request: Request) -> Request:
    """Who sends much says first who they are."""
    if not 0 < length_of(request) <= SMALL:
        await _check_caller(request)
    return await bounded(request, deps_of(request).body_limit)


class _WrongQuery(Exception):
    def __init__(self, fields: list[tuple[str, str]]) -> None:
        super().__init__()
        self.fields = fields


def _check_query(request: Request, known: set[str]) -> None:
    counts = Counter(name for name, _ in request.query_params.multi_items())
    wrong = [
        (f"query.{name}", "there is no such parameter") for name in counts if name not in known
    ]
    wrong += [
        (f"query.{n}", "it is given twice") for n, c in counts.items() if n in known and c > 1
    ]
    if wrong:
        raise _WrongQuery(wrong)


async def _check_caller(request: Request) -> None:
    visit = Visit(request)
    if not visit.is_admin:
        await visit.identify()
