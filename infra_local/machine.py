"""A state machine and what runs behind its placeholders, made ready for this machine."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from endcap.errors import WorkflowError
from state_machines.targets import CONTAINER_ATTEMPTS, MACHINES, RESOURCES, TARGETS, Target

PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)\}")


@dataclass(frozen=True)
class Machine:
    """`definition`: ASL text with placeholders. `targets`: placeholder -> what runs there."""

    name: str
    definition: str
    targets: Mapping[str, Target]

    def deployed(self) -> str:
        """Return the definition with every placeholder replaced by a name of this machine's.

        Raises `WorkflowError` for a placeholder that stands for nothing.
        """
        names = {placeholder: placeholder for placeholder in [*self.targets, *RESOURCES]}
        names["TrainingCapacityProviders"] = ",".join(["LOCAL"] * CONTAINER_ATTEMPTS)
        unknown = sorted(set(PLACEHOLDER.findall(self.definition)) - set(names))
        if unknown:
            raise WorkflowError(f"{self.name}: no target for placeholder {', '.join(unknown)}")
        return PLACEHOLDER.sub(lambda match: names[match[1]], self.definition)

    def mapped(self) -> frozenset[str]:
        """Return the names of the states that a Map runs once for each of its items."""
        return frozenset(_mapped(json.loads(self.definition)["States"], inside=False))

    def parents(self) -> dict[str, str]:
        """Return the Map or Parallel state around each inner state."""
        return dict(_parents(json.loads(self.definition)["States"], None))


def load_machine(name: str) -> Machine:
    """Return a state machine of `state_machines/`. Raises `WorkflowError` for an unknown name."""
    if name not in MACHINES:
        raise WorkflowError(f"no state machine {name!r}; there are {', '.join(MACHINES)}")
    definition = (files("state_machines") / MACHINES[name]).read_text(encoding="utf-8")
    used = set(PLACEHOLDER.findall(definition))
    return Machine(name, definition, {key: TARGETS[key] for key in TARGETS if key in used})


def _parents(states: Mapping[str, Any], parent: str | None) -> Iterator[tuple[str, str]]:
    for name, state in states.items():
        if parent is not None:
            yield name, parent
        for inner in _inner(state):
            yield from _parents(inner, name)


def _mapped(states: Mapping[str, Any], *, inside: bool) -> Iterator[str]:
    for name, state in states.items():
        if inside:
            yield name
        for inner in _inner(state):
            yield from _mapped(inner, inside=inside or state["Type"] == "Map")


def _inner(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    machines = [*state.get("Branches", ()), state.get("ItemProcessor", {"States": {}})]
    return [machine["States"] for machine in machines]
