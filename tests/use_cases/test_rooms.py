"""A step names every room whose code it runs: what it forgot could change without it noticing."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import endcap

PACKAGE = Path(endcap.__file__).parent
USE_CASES = PACKAGE / "use_cases"
NO_ROOMS = {
    "config",
    "config_features",
    "config_retrieval",
    "config_section",
    "config_serving",
    "collector",
    "columns",
    "errors",
    "ports",
    "stages",
    "use_cases",
}
"""Counted elsewhere (settings are parameters, the rest is in every fingerprint), or without code
that computes."""


def imported(source: Path) -> Iterator[str]:
    """Yield the modules below ``endcap`` that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("endcap."):
            yield str(node.module).removeprefix("endcap.")


@cache
def rooms_of_use_case(name: str) -> frozenset[str]:
    rooms: set[str] = set()
    for module in imported(USE_CASES / f"{name}.py"):
        room, _, rest = module.partition(".")
        rooms |= rooms_of_use_case(rest) if room == "use_cases" else {room}
    return frozenset(rooms - NO_ROOMS)


def with_their_imports(rooms: frozenset[str]) -> frozenset[str]:
    reached = (
        rooms
        | {
            module.partition(".")[0]
            for room in rooms
            for source in (PACKAGE / room).rglob("*.py")
            for module in imported(source)
        }
        - NO_ROOMS
    )
    return rooms if reached == rooms else with_their_imports(reached)


def declared_rooms(source: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    return {
        str(room)
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "perform"
        for keyword in call.keywords
        if keyword.arg == "rooms"
        for room in ast.literal_eval(keyword.value)
    }


STEPS = [source.stem for source in sorted(USE_CASES.glob("*.py")) if declared_rooms(source)]


def test_the_steps_are_found() -> None:
    assert len(STEPS) == 16


@pytest.mark.parametrize("step", STEPS)
def test_a_step_names_all_rooms_that_it_reaches(step: str) -> None:
    reached = with_their_imports(rooms_of_use_case(step))

    assert reached <= declared_rooms(USE_CASES / f"{step}.py")
