"""Samples of each operation in curl, Python and JavaScript, made from the examples in the OpenAPI document."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

BASE = "http://127.0.0.1:8000"  # of `make demo`; the page shows its own address instead
VARIABLES = {"distributorKey": "DISTRIBUTOR_KEY", "serviceKey": "SERVICE_KEY"}
WIDTH = 76  # characters of a value on one line


@dataclass(frozen=True, slots=True)
class Call:
    """What a sample sends: `key` is the variable of the environment with the API key, "" for none."""

    method: str
    url: str
    key: str
    body: Any
    answers: bool  # with a body


def add(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's hook: adds `x-codeSamples`, which Redoc and others show too, to each operation."""
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            call = _call(method.upper(), path, operation)
            operation["x-codeSamples"] = [
                {"lang": "curl", "source": curl(call)},
                {"lang": "Python", "source": python(call)},
                {"lang": "JavaScript", "source": javascript(call)},
            ]
    return result


def _call(method: str, path: str, operation: dict[str, Any]) -> Call:
    """The operation with its examples: those of its parameters, and the first one of its body."""
    query = {}
    for parameter in operation["parameters"]:
        example = parameter["schema"].get("example")
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(example))
        elif example is not None:
            query[parameter["name"]] = example
    security = operation.get("security", [])
    needed = next(iter(security[0]), "") if security else ""
    body = operation.get("requestBody")
    examples = body["content"]["application/json"]["examples"] if body else {}
    return Call(
        method=method,
        url=BASE + path + ("?" + urlencode(query) if query else ""),
        key=VARIABLES.get(needed, ""),
        body=next(iter(examples.values()))["value"] if examples else None,
        answers="204" not in operation["responses"],
    )


def curl(call: Call) -> str:
    """For a shell."""
    lines = ["curl" if call.method == "GET" else f"curl -X {call.method}"]
    lines[0] += f' "{call.url}"'
    if call.key:
        lines.append(f'-H "Authorization: Bearer ${call.key}"')
    if call.body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d '{_literal(call.body, 2, json.dumps)}'"]
    return " \\\n  ".join(lines)


def python(call: Call) -> str:
    """For Python with requests."""
    arguments = [f'"{call.url}"']
    if call.key:
        arguments.append(f'headers={{"Authorization": f"Bearer {{os.environ[\'{call.key}\']}}"}}')
    if call.body is not None:
        arguments.append(f"json={_literal(call.body, 4, _python_scalar, step=4)}")
    arguments.append("timeout=10")
    given = ",\n    ".join(arguments)
    imports = "import os\n\nimport requests" if call.key else "import requests"
    shown = "response.json()" if call.answers else "response.status_code"
    return (
        f"{imports}\n\nresponse = requests.{call.method.lower()}(\n    {given},\n)\n"
        f"response.raise_for_status()\nprint({shown})"
    )


def javascript(call: Call) -> str:
    """For Node.js 18 or newer, without a package. A key does not belong into a browser, where users can read it."""
    headers = []
    if call.key:
        headers.append(f"Authorization: `Bearer ${{process.env.{call.key}}}`")
    if call.body is not None:
        headers.append('"Content-Type": "application/json"')
    options = [] if call.method == "GET" else [f'method: "{call.method}"']
    if headers:
        inside = "".join(f"    {header},\n" for header in headers)
        options.append(f"headers: {{\n{inside}  }}")
    if call.body is not None:
        options.append(f"body: JSON.stringify({_literal(call.body, 2, json.dumps)})")
    given = ", {\n  " + ",\n  ".join(options) + ",\n}" if options else ""
    shown = "await response.json()" if call.answers else "response.status"
    return (
        f'const response = await fetch("{call.url}"{given});\n'
        "if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);\n"
        f"console.log({shown});"
    )


def _literal(value: Any, indent: int, scalar: Callable[[Any], str], step: int = 2) -> str:
    """The value in the syntax of a language, on several lines when one is too long."""
    if not isinstance(value, dict | list):
        return scalar(value)
    inner = indent + step
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, dict):
        items = [f"{json.dumps(name)}: {_literal(held, inner, scalar, step)}" for name, held in value.items()]
    else:
        items = [_literal(held, inner, scalar, step) for held in value]
    line = f"{opening}{', '.join(items)}{closing}"
    if len(line) + indent <= WIDTH and "\n" not in line:
        return line
    inside = f",\n{' ' * inner}".join(items)
    return f"{opening}\n{' ' * inner}{inside}\n{' ' * indent}{closing}"


def _python_scalar(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)
