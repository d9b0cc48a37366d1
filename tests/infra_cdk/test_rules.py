"""The templates under other people's rules."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra_cdk.assembly import ROOT, Assembly, Template

LINT = Path(sys.executable).with_name("cfn-lint")
ALLOWED = ["W3005"]
"""The CDK writes out dependencies that a reference implies already."""


def lint(*templates: Path) -> list[dict[str, object]]:
    done = subprocess.run(
        [LINT, "--format", "json", "--ignore-checks", *ALLOWED, "--template", *templates],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found: list[dict[str, object]] = json.loads(done.stdout or "[]")
    assert found or done.returncode == 0, done.stderr
    return found


def test_every_template_is_clean(assembly: Assembly) -> None:
    assert lint(*(template.file for template in assembly.templates())) == []


def broken(template: Template, folder: Path, old: str, new: str) -> Path:
    text = template.file.read_text(encoding="utf-8")
    assert old in text
    file = folder / "broken.template.json"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("stack", "old", "new", "rule"),
    [
        ("pipeline", r"\"Next\": \"CollectMetrics\"", r"\"Nxt\": \"CollectMetrics\"", "E3601"),
        ("stateful", '"PAY_PER_REQUEST"', '"SOMETIMES"', "E3030"),
    ],
)
def test_the_linter_would_find_it(
    assembly: Assembly, tmp_path: Path, stack: str, old: str, new: str, rule: str
) -> None:
    file = broken(assembly.template(stack), tmp_path, old, new)

    assert rule in {match["Rule"]["Id"] for match in lint(file)}  # type: ignore[index]


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "Dockerfile"],
        [
            *("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
            ".github/workflows/ci.yml",
        ],
    ],
    ids=["Dockerfile", "workflow"],
)
def test_other_files_are_clean(command: list[str]) -> None:
    program, *arguments = command
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_cdk_nag_is_heard_where_nothing_is_acknowledged(tmp_path: Path) -> None:
    silent = (
        "import infra_cdk.components.acknowledge as a; a.acknowledge = lambda *_: None; "
        "from infra_cdk.app import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", silent],
        cwd=ROOT,
        env={**os.environ, "CDK_OUTDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    for rule in ("AwsSolutions-IAM5", "AwsSolutions-ECS2", "AwsSolutions-L1"):
        assert rule in done.stdout + done.stderr
