"""The service's code and what it needs, as a folder that Lambda runs: made of wheels, no Docker.

The folder is named by what it is made of, so it is made once and is the same on every machine.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from infra_cdk.config import DeploymentError
from infra_cdk.context import ROOT

PYTHON: Final = "3.13"
"""The release of Python that the lock of the service was resolved for."""

_LOCK: Final = ROOT / "requirements" / "api.txt"
_PACKAGES: Final = ("api", "endcap")
_WHEELS: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
_LIBC: Final = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
_UNUSED: Final = ("bin",)


def assemble(architecture: Literal["arm64", "x86_64"]) -> Path:
    """Return the folder for an architecture, made unless it is there already.

    Raises `DeploymentError` if a wheel cannot be had.
    """
    build = ROOT / ".build"
    folder = build / f"api-{architecture}-{_digest()}"
    if folder.is_dir():
        return folder
    build.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=build) as scratch:
        staged = Path(scratch) / "package"
        install_wheels(_LOCK, staged, architecture)
        for name in _UNUSED:
            shutil.rmtree(staged / name, ignore_errors=True)
        for name in _PACKAGES:
            shutil.copytree(ROOT / name, staged / name, ignore=_no_leftovers)
        if not folder.is_dir():
            staged.rename(folder)
    return folder


def _no_leftovers(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__" or name.endswith(".pyc")]


def install_wheels(lock: Path, folder: Path, architecture: Literal["arm64", "x86_64"]) -> None:
    """Unpack a lock's wheels for Lambda's Python, whichever runs this.

    Raises `DeploymentError` if one cannot be had.
    """
    platforms = [f"--platform={libc}_{_WHEELS[architecture]}" for libc in _LIBC]
    command = [
        *(sys.executable, "-m", "pip", "install"),
        *("--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"),
        *("--require-hashes", "--only-binary=:all:", "--implementation=cp"),
        *(f"--python-version={PYTHON}", "--ignore-requires-python"),
        *platforms,
        *("--target", str(folder), "--requirement", str(lock)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        reason = next((line for line in done.stderr.splitlines() if "ERROR" in line), "pip failed")
        raise DeploymentError(f"wheels of {lock.name} for {architecture}: {reason}")


def _digest() -> str:
    digest = hashlib.sha256(_LOCK.read_bytes())
    for package in _PACKAGES:
        files = (path for path in (ROOT / package).rglob("*") if path.is_file())
        for file in sorted(path for path in files if "__pycache__" not in path.parts):
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
