"""What each image and the service's zip hold: wheels for Lambda's platforms, megabytes, imports.

For every target and architecture the locked wheels are unpacked as Lambda's Python would have them.
Where a Python of that release is on this machine, an environment that holds a target's requirements
and nothing else imports every entry point of the target.
"""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from infra_cdk.components.api_package import PYTHON, install_wheels
from infra_cdk.context import ROOT
from state_machines.targets import TARGETS

ARCHITECTURES: Final[tuple[Literal["x86_64", "arm64"], ...]] = ("x86_64", "arm64")
LIMIT_MB: Final = {"api": 250, "lambda-batch": 10_000, "training": 10_000}
LOCKS: Final = {"api": "api.txt", "lambda-batch": "batch.txt", "training": "batch.txt"}
ENTRY_POINTS: Final = {
    "api": ["api.handler"],
    "lambda-batch": [target.module for target in TARGETS.values() if target.kind == "lambda"],
    "training": [target.module for target in TARGETS.values() if target.kind == "ecs"],
}
PIP: Final = ("-m", "pip", "--quiet", "--disable-pip-version-check", "install")
EXACT: Final = ("--no-deps", "--require-hashes", "--only-binary=:all:")


def unpack(lock: str, architecture: Literal["arm64", "x86_64"], folder: Path) -> int:
    """Install a lock's wheels for a platform into `folder` and return the megabytes."""
    install_wheels(ROOT / "requirements" / lock, folder, architecture)
    return round(sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6)


def find_python() -> str | None:
    """Return a Python of the release that Lambda runs, if there is one here."""
    named = os.environ.get("ENDCAP_PYTHON") or shutil.which(f"python{PYTHON}")
    check = "import sys; sys.exit('%d.%d' % sys.version_info[:2] != sys.argv[1])"
    if named is None:
        return None
    done = subprocess.run([named, "-c", check, PYTHON], capture_output=True, check=False)
    return named if done.returncode == 0 else None


def import_all(lock: str, modules: list[str], folder: Path) -> str:
    """Import entry points in an environment of their own and say how it went."""
    python = find_python()
    if python is None:
        return f"no Python {PYTHON} here; ENDCAP_PYTHON may name one"
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    own = str(folder / "bin" / "python")
    subprocess.run(
        [own, *PIP, *EXACT, "--requirement", str(ROOT / "requirements" / lock)],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    for module in modules:
        subprocess.run([own, "-c", f"import {module}"], cwd=ROOT, check=True)
    return f"{len(modules)} entry points imported"


def main() -> None:
    """Print a line for each target and architecture."""
    for target, lock in LOCKS.items():
        for architecture in ARCHITECTURES:
            with TemporaryDirectory() as scratch:
                size = unpack(lock, architecture, Path(scratch))
            verdict = "within" if size < LIMIT_MB[target] else "PAST"
            print(f"{target:14} {architecture:8} {size:5} MB, {verdict} {LIMIT_MB[target]:,} MB")
        with TemporaryDirectory() as scratch:
            print(f"{target:14} {import_all(lock, ENTRY_POINTS[target], Path(scratch))}")


if __name__ == "__main__":
    main()
