"""The app's templates, synthesised as `cdk synth` would, and ways to look into them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
Resource = dict[str, Any]


def synthesise(folder: Path, **context: object) -> "subprocess.CompletedProcess[str]":
    """Run the app; `context` comes on top of cdk.json's, its keys below ``endcap:``."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    given = {f"endcap:{key}": value for key, value in context.items()}
    return subprocess.run(
        [sys.executable, "-m", "infra_cdk.app"],
        cwd=ROOT,
        env={**kept, "CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(given)},
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Template:
    """One stack's template. `stage`: ``dev`` or another; `stack`: ``stateful`` or another."""

    file: Path
    stage: str
    region: str
    stack: str

    @cached_property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return content

    @property
    def resources(self) -> dict[str, Resource]:
        found: dict[str, Resource] = self.content["Resources"]
        return found

    def of_type(self, *types: str) -> dict[str, Resource]:
        return {name: it for name, it in self.resources.items() if it["Type"] in types}

    def __str__(self) -> str:
        return f"{self.stage}-{self.region}-{self.stack}"


@dataclass(frozen=True)
class Assembly:
    folder: Path

    def templates(self) -> Iterator[Template]:
        for nested in sorted(self.folder.glob("assembly-*")):
            manifest = json.loads((nested / "manifest.json").read_text(encoding="utf-8"))
            for artifact in manifest["artifacts"].values():
                if artifact["type"] == "aws:cloudformation:stack":
                    _, stage, place = nested.name.removeprefix("assembly-").split("-", 2)
                    yield Template(
                        nested / artifact["properties"]["templateFile"],
                        stage,
                        place,
                        artifact["displayName"].rsplit("/", 1)[1],
                    )

    def template(self, stack: str, stage: str = "dev") -> Template:
        return next(t for t in self.templates() if (t.stack, t.stage) == (stack, stage))
