"""The bundle format as share/model.schema.json has it: nothing is written that the program would refuse.

The schema is the one definition of types and ranges. The program's reader is held against it by its own tests, and what
is about to be written into a model.json is held against it here, before a weight is read.
"""

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from .errors import bad_data

_SCHEMA = Path(__file__).parents[2] / "share" / "model.schema.json"
_NAME_BYTES = 200  # the schema counts characters
# The program's integers are written without a point, and its numbers are finite.
_TYPES = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: type(value) is int,
    "null": lambda value: value is None,
    "number": lambda value: type(value) in (int, float) and math.isfinite(value),
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}
_LIMITS = {
    "minimum": ("at least", lambda value, limit: value >= limit),
    "maximum": ("at most", lambda value, limit: value <= limit),
    "exclusiveMinimum": ("more than", lambda value, limit: value > limit),
    "exclusiveMaximum": ("less than", lambda value, limit: value < limit),
}


def check_section(name: str, value: Any, where: str) -> None:
    """Refuses a section of model.json that the program would refuse; `where` is what it was made of."""
    for problem in _problems(value, _schema()["properties"][name], name):
        raise bad_data(f"{where}: {problem}")


def check_manifest(manifest: dict[str, Any], where: str) -> None:
    """The same of a whole model.json."""
    for problem in _problems(manifest, _schema(), ""):
        raise bad_data(f"{where}: {problem}")
    if len(manifest["name"].encode()) > _NAME_BYTES:
        raise bad_data(f"{where}: the name has more than {_NAME_BYTES} bytes; give a shorter one with --name")


def is_allowed(section: str, key: str, value: Any) -> bool:
    """Whether a key of a section may have the value."""
    return not any(_problems(value, _schema()["properties"][section]["properties"][key], key))


@cache
def _schema() -> dict[str, Any]:
    return json.loads(_SCHEMA.read_text(encoding="utf-8"))


def _problems(value: Any, rule: dict[str, Any], path: str) -> Iterator[str]:
    """What of the value breaks the rule, in the part of JSON Schema that the file uses."""
    label = f"{path} is {_shown(value)}; it must be"
    if "enum" in rule and not any(type(choice) is type(value) and choice == value for choice in rule["enum"]):
        yield f"{label} {' or '.join(map(str, rule['enum']))}"
        return
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_TYPES[kind](value) for kind in kinds):
        yield f"{label} of the type {' or '.join(kinds)}"
        return
    for key, (words, holds) in _LIMITS.items():
        if key in rule and not holds(value, rule[key]):
            yield f"{label} {words} {rule[key]}"
    if isinstance(value, str):
        yield from _text_problems(value, rule, path)
    elif isinstance(value, list):
        yield from _list_problems(value, rule, path)
    elif isinstance(value, dict):
        yield from _object_problems(value, rule, path)


def _text_problems(value: str, rule: dict[str, Any], path: str) -> Iterator[str]:
    if not rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", len(value)):
        yield f"{path} has {len(value)} characters; it must have {rule.get('minLength')} to {rule.get('maxLength')}"
    if not re.search(rule.get("pattern", ""), value):
        yield f"{path} is {_shown(value)}; it must be of the form {rule['pattern']}"


def _list_problems(value: list[Any], rule: dict[str, Any], path: str) -> Iterator[str]:
    if not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value)):
        yield f"{path} has {len(value)} entries"
    for index, entry in enumerate(value):
        yield from _problems(entry, rule.get("items", {}), f"{path}[{index}]")


def _object_problems(value: dict[str, Any], rule: dict[str, Any], path: str) -> Iterator[str]:
    start = f"{path}." if path else ""
    for key in rule.get("required", ()):
        if key not in value:
            yield f"{start}{key} is missing"
    others = rule.get("additionalProperties", {})
    for key, entry in value.items():
        inner = rule.get("properties", {}).get(key, others)
        if inner is False:
            yield f"{start}{key} is no key of the format"
        else:
            yield from _problems(entry, inner, f"{start}{key}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
