import importlib
import importlib.util
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from endcap import errors
from infra_local.machine import PLACEHOLDER, load_machine
from state_machines.targets import (
    CONTAINER,
    CONTAINER_ATTEMPTS,
    MACHINES,
    RESOURCES,
    TARGETS,
    Target,
)

State = dict[str, Any]

TEXTS = {
    name: (files("state_machines") / file).read_text(encoding="utf-8")
    for name, file in MACHINES.items()
}


def _states(definition: dict[str, Any], *, outer: bool = True) -> Iterator[tuple[str, State, bool]]:
    for name, state in definition["States"].items():
        yield name, state, outer
        inner = [*state.get("Branches", ())]
        if "ItemProcessor" in state:
            inner.append(state["ItemProcessor"])
        for one in inner:
            yield from _states(one, outer=False)


ALL = [
    (name, state, outer)
    for text in TEXTS.values()
    for name, state, outer in _states(json.loads(text))
]
TASKS = [(name, state) for name, state, _ in ALL if state["Type"] == "Task"]


def _target(state: State) -> Target:
    parameters = state["Parameters"]
    name = parameters.get("FunctionName") or parameters["TaskDefinition"]
    return TARGETS[name.removeprefix("${").removesuffix("}")]


def test_placeholders_and_targets_agree() -> None:
    used = {name for text in TEXTS.values() for name in PLACEHOLDER.findall(text)}

    assert used == set(TARGETS) | set(RESOURCES)


def test_nothing_but_placeholders_names_an_account_or_a_resource() -> None:
    for text in TEXTS.values():
        assert re.findall(r"arn:aws:[a-z]+:[a-z0-9-]*:[0-9]+", text) == []


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_every_target_has_its_entry_point(target: Target) -> None:
    if target.kind == "lambda":
        assert callable(importlib.import_module(target.module).handler)
    else:
        spec = importlib.util.find_spec(target.module)
        assert spec is not None
        assert spec.loader is not None


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_every_target_is_told_where_the_lake_lies(target: Target) -> None:
    assert "ENDCAP_LAKE_URI" in target.environment


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_functions_stay_within_the_limits_of_lambda(target: Target) -> None:
    if target.kind == "lambda":
        assert target.timeout_seconds <= 900
        assert 128 <= target.memory_mib <= 10_240


@pytest.mark.parametrize(("name", "state"), TASKS, ids=[name for name, _ in TASKS])
def test_every_task_times_out_before_its_target_does(name: str, state: State) -> None:
    assert 0 < state["TimeoutSeconds"] <= _target(state).timeout_seconds, name


@pytest.mark.parametrize(("name", "state"), TASKS, ids=[name for name, _ in TASKS])
def test_every_task_retries_what_is_transient_and_nothing_else(name: str, state: State) -> None:
    retry, *others = state["Retry"]
    assert retry["BackoffRate"] > 1
    assert retry["MaxAttempts"] >= 2
    if _target(state).kind == "lambda":
        assert "TransientLakeError" in retry["ErrorEquals"], name
    for error in retry["ErrorEquals"]:
        assert error in {"TransientLakeError", "RecordLogUnavailableError"} or error.startswith(
            ("Lambda.", "ECS.")
        )
    # Spare capacity is taken away as an ordinary failure, so a container has one more attempt.
    assert [other["ErrorEquals"] for other in others] == (
        [] if _target(state).kind == "lambda" else [["States.TaskFailed"]]
    )


def test_a_container_has_a_capacity_provider_for_each_attempt() -> None:
    for _, state in TASKS:
        attempts = 1 + sum(retry["MaxAttempts"] for retry in state["Retry"])
        assert _target(state).kind == "lambda" or attempts == CONTAINER_ATTEMPTS


def test_errors_that_are_retried_are_spelled_as_in_the_error_tree() -> None:
    retried = {error for _, state in TASKS for error in state["Retry"][0]["ErrorEquals"]}
    ours = {error for error in retried if "." not in error}

    assert ours <= set(errors.__all__)


def test_every_outer_state_that_may_fail_is_caught_under_its_own_name() -> None:
    for name, state, outer in ALL:
        if outer and state["Type"] in ("Task", "Map", "Parallel") and name != "RecordFailure":
            (catch,) = state["Catch"]
            assert catch["ErrorEquals"] == ["States.ALL"]
            assert catch["Assign"] == {"failed_state": name}
            assert catch["Next"] == "RecordFailure"


def test_every_state_says_what_it_does() -> None:
    assert [name for name, state, _ in ALL if not state.get("Comment")] == []


def test_containers_are_overridden_by_the_name_the_task_definitions_use() -> None:
    for _, state in TASKS:
        if _target(state).kind == "ecs":
            (override,) = state["Parameters"]["Overrides"]["ContainerOverrides"]
            assert override["Name"] == CONTAINER
            assert "ENDCAP_RUN_ID" in [variable["Name"] for variable in override["Environment"]]


def test_every_state_is_reached_and_leads_somewhere() -> None:
    for text in TEXTS.values():
        definition = json.loads(text)
        states = definition["States"]
        reached, front = set(), [definition["StartAt"]]
        while front:
            name = front.pop()
            if name not in reached:
                reached.add(name)
                front.extend(_successors(states[name]))
        assert reached == set(states)


def test_the_definition_for_this_machine_has_no_placeholder_left() -> None:
    assert PLACEHOLDER.findall(load_machine("training").deployed()) == []


def test_inner_states_know_the_state_around_them() -> None:
    parents = load_machine("training").parents()

    assert parents["TrainFold"] == "TrainRetrieval"
    assert parents["BuildTemporal"] == "BuildFeatures"
    assert "Evaluate" not in parents


def test_only_states_of_a_map_run_once_for_each_item() -> None:
    assert load_machine("training").mapped() == {"TrainFold", "GenerateShard"}


def _successors(state: State) -> list[str]:
    choices = [*state.get("Choices", ()), *state.get("Catch", ()), state]
    return [one[key] for one in choices for key in ("Next", "Default") if key in one]
