"""Gemini's function calling with google-genai, against a fake of its HTTP API.

The loop is an application's own: the model asks for a function, MCP calls the tool, the result
goes back to the model.
"""

from __future__ import annotations

from typing import Any

from google import genai
from google.genai import types as gemini
from mcp import Client
from mcp_types import CallToolResult, TextContent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.integration.mcp.conftest import Served
from tests.integration.mcp.host import served
from tests.integration.mcp.test_python_client import connected

MODEL = "gemini-test"


class FakeGemini:
    """Asks for each of ``plan``, a name and arguments, then says what the last one gave."""

    def __init__(self, *plan: tuple[str, dict[str, object]]) -> None:
        self._plan = list(plan)
        self.requests: list[dict[str, Any]] = []

    @property
    def app(self) -> Starlette:
        path = f"/{{version}}/models/{MODEL}:generateContent"
        return Starlette(routes=[Route(path, self._generate, methods=["POST"])])

    async def _generate(self, request: Request) -> Response:
        asked = await request.json()
        self.requests.append(asked)
        if self._plan:
            name, arguments = self._plan.pop(0)
            part: dict[str, object] = {"functionCall": {"name": name, "args": arguments}}
        else:
            part = {"text": str(asked["contents"][-1]["parts"][0]["functionResponse"])}
        content = {"role": "model", "parts": [part]}
        return JSONResponse({"candidates": [{"content": content, "finishReason": "STOP"}]})


async def answer(fake: FakeGemini, tools: Client, prompt: str) -> str:
    """What an application does with the model until it stops asking for functions."""
    async with served(fake.app) as url:
        options = gemini.HttpOptions(base_url=url)
        model = genai.Client(api_key="none", http_options=options).aio.models
        config = await configured(tools)
        said: list[gemini.Content] = [gemini.Content(role="user", parts=[gemini.Part(text=prompt)])]
        while True:
            got = await model.generate_content(model=MODEL, contents=said, config=config)
            if not got.function_calls:
                return got.text or ""
            said.append(got.candidates[0].content)
            results = [await called(tools, call) for call in got.function_calls]
            said.append(gemini.Content(role="user", parts=results))


async def configured(tools: Client) -> gemini.GenerateContentConfig:
    declared = [
        gemini.FunctionDeclaration(
            name=tool.name, description=tool.description, parameters_json_schema=tool.input_schema
        )
        for tool in (await tools.list_tools()).tools
    ]
    return gemini.GenerateContentConfig(
        tools=[gemini.Tool(function_declarations=declared)],
        automatic_function_calling=gemini.AutomaticFunctionCallingConfig(disable=True),
    )


async def called(tools: Client, call: gemini.FunctionCall) -> gemini.Part:
    result = await tools.call_tool(call.name or "", dict(call.args or {}))
    key = "error" if result.is_error else "output"
    return gemini.Part.from_function_response(name=call.name or "", response={key: text(result)})


def text(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


async def test_a_model_calls_tools_and_reads_their_results(server: Served):
    fake = FakeGemini(
        ("fs_write", {"file_path": "a.txt", "content": "hello from the box\n"}),
        ("shell_exec", {"command": "cat a.txt"}),
    )
    async with connected(server, server.shop, "auto") as tools:
        assert "hello from the box" in await answer(fake, tools, "Show a.txt")
    declared = fake.requests[0]["tools"][0]["functionDeclarations"]
    assert "shell_exec" in [one["name"] for one in declared]


async def test_a_model_reads_an_error_and_what_to_do(server: Served):
    fake = FakeGemini(("fs_read", {"file_path": "missing.txt"}))
    async with connected(server, server.shop, "auto") as tools:
        assert "file_missing" in await answer(fake, tools, "Read it")
