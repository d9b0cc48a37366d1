"""The CDK's feature flags, from cdk.json: the same for the command line and for tests."""

import json
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]


def read_context() -> dict[str, Any]:
    """Return the context of cdk.json."""
    content = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    context: dict[str, Any] = content["context"]
    return context
