"""OpenAPI to what the reference page shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path, for reading."""

    method: str
    path: str
    summary: str
    description: str
    scope: str  # "" if everybody may
    parameters: tuple[str, ...]
    fields: tuple[str, ...]  # of the request body
    curl: str


def operations(openapi: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations of an OpenAPI document by tag, in its order."""
    groups: dict[str, list[Operation]] = {}
    for path, item in openapi["paths"].items():
        for method, entry in item.items():
            groups.setdefault(entry["tags"][0], []).append(_operation(path, method, entry, openapi))
    return groups


def _operation(path: str, method: str, entry: Mapping[str, Any], openapi: Mapping[str, Any]) -> Operation:
    scopes = [scope for need in entry.get("security", ()) for given in need.values() for scope in given]
    schema = _body_schema(entry, openapi)
    return Operation(
        method=method.upper(),
        path=path,
        summary=entry.get("summary", ""),
        description=entry.get("description", ""),
        scope=", ".join(scopes),
        parameters=tuple(_parameter(each) for each in entry.get("parameters", ())),
        fields=tuple(_field(name, about, schema) for name, about in schema.get("properties", {}).items()),
        curl=_curl(path, method, bool(scopes), entry, schema),
    )


def _body_schema(entry: Mapping[str, Any], openapi: Mapping[str, Any]) -> Mapping[str, Any]:
    content = entry.get("requestBody", {}).get("content", {})
    schema: Mapping[str, Any] = content.get("application/json", {}).get("schema", {})
    if "oneOf" in schema:
        schema = schema["oneOf"][0]
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = openapi["components"]["schemas"].get(name, schema)
    return found


def _parameter(each: Mapping[str, Any]) -> str:
    about = each.get("description", "")
    return f"{each['name']} ({each['in']}{', required' if each.get('required') else ''}){': ' if about else ''}{about}"


def _field(name: str, about: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    needed = ", required" if name in schema.get("required", ()) else ""
    words = about.get("description", "")
    return f"{name} ({_type(about)}{needed}){': ' if words else ''}{words}"


def _type(about: Mapping[str, Any]) -> str:
    if "anyOf" in about:
        return _type(about["anyOf"][0])
    name = about.get("$ref", "").rpartition("/")[2]
    return str(name or about.get("format") or about.get("type", "any"))


def _curl(path: str, method: str, keyed: bool, entry: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    parts = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
    parts.append(f"http://127.0.0.1:8000{path}")
    if keyed:
        parts.append('-H "Authorization: Bearer $KEY"')
    if "requestBody" in entry:
        content = entry["requestBody"]["content"]["application/json"]
        example = content.get("example") or dict.fromkeys(schema.get("required", ()), "...")
        parts.append(f"--json '{json.dumps(example)}'")
    return " ".join(parts)
