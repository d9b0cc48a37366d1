"""The definitions against the schema of Step Functions that cfn-lint carries."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from state_machines.targets import MACHINES


@pytest.mark.parametrize("machine", MACHINES)
def test_step_functions_would_accept_the_definition(machine: str, tmp_path: Path) -> None:
    definition = json.loads((files("state_machines") / MACHINES[machine]).read_text("utf-8"))

    assert _complaints(definition, tmp_path) == []


@pytest.mark.parametrize(
    ("state", "field", "value", "complaint"),
    [
        ("Calibrate", "Resource", None, "Resource"),
        ("Evaluate", "TimeOutSeconds", 3, "TimeOutSeconds"),
    ],
)
def test_the_check_notices_a_broken_definition(
    tmp_path: Path, state: str, field: str, value: object, complaint: str
) -> None:
    definition = json.loads((files("state_machines") / MACHINES["training"]).read_text("utf-8"))
    definition["States"][state][field] = value

    assert complaint in " ".join(_complaints(definition, tmp_path))


def _complaints(definition: object, folder: Path) -> list[str]:
    # Imported here: cfn-lint comes with moto, and takes a moment.
    from cfnlint.api import lint_file  # type: ignore[import-untyped]  # noqa: PLC0415

    template = folder / "template.json"
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": "arn:aws:iam::123456789012:role/workflow",
            "Definition": definition,
            "DefinitionSubstitutions": {},
        },
    }
    template.write_text(json.dumps({"Resources": {"Machine": machine}}))
    return [str(match) for match in lint_file(template) if match.rule.id == "E3601"]
