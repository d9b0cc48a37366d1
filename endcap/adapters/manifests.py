"""What both lakes write beside a folder's files, and how the files are checked against it.

A manifest is canonical JSON, so that every byte of it is covered: the files by ``digest``, the rest
by ``rest_digest``, the spelling by comparing with what encoding it again gives.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from endcap.adapters.lake_paths import MANIFEST_NAME
from endcap.errors import CorruptArtifactError, LakeError
from endcap.ports import Manifest


@dataclass(frozen=True)
class StoredManifest:
    """A manifest as it is stored.

    `tables`: table name -> sub-folder with its Parquet files. `attempt`: where a remote lake put
    the files; empty in a folder lake.
    """

    files: Mapping[str, str]
    facts: Mapping[str, Any]
    tables: Mapping[str, str] = field(default_factory=dict)
    attempt: str = ""

    @property
    def digest(self) -> str:
        """Return the sha256 over names and hashes of the files alone."""
        return _sha256_of(dict(sorted(self.files.items())))

    def at(self, path: str) -> Manifest:
        """Return what the lake's users see of the folder at `path`."""
        return Manifest(path=path, digest=self.digest, files=self.files, facts=self.facts)

    def encode(self) -> bytes:
        """Return the canonical JSON bytes. Raises `LakeError` if the facts are not JSON."""
        rest = {"attempt": self.attempt, "facts": self.facts, "tables": dict(self.tables)}
        try:
            fields = {
                **rest,
                "digest": self.digest,
                "files": dict(self.files),
                "rest_digest": _sha256_of(rest),
            }
            return _json(fields, indent=1) + b"\n"
        except (TypeError, ValueError) as exc:
            raise LakeError(f"the facts of a folder must be plain JSON: {exc}") from exc

    @classmethod
    def decode(cls, data: bytes, *, name: str) -> "StoredManifest":
        """Return the manifest in `data`. Raises `CorruptArtifactError` naming it as `name`."""
        try:
            fields = json.loads(data)
            stored = cls(
                files=dict(sorted(fields["files"].items())),
                facts=fields["facts"],
                tables=fields["tables"],
                attempt=fields["attempt"],
            )
            whole = stored.encode() == data
        except (ValueError, KeyError, TypeError, AttributeError, LakeError) as exc:
            raise CorruptArtifactError(f"{name} is not a readable manifest") from exc
        if not whole:
            raise CorruptArtifactError(f"{name} does not match its own digest")
        return stored


def hash_folder(folder: Path) -> dict[str, str]:
    """Return relative POSIX path -> sha256 of every file below `folder`, sorted by path.

    Empty sub-folders do not count: a lake keeps files.

    Raises
    ------
    LakeError
        If `folder` is not a folder, or holds a link, a special file, a name that no lake can keep,
        or a file with the manifest's name at its top.
    """
    if not folder.is_dir():
        raise LakeError(f"{folder} is not a folder and cannot be committed")
    files = sorted((_name(folder, path), path) for path in folder.rglob("*") if _is_file(path))
    return {name: sha256_of_file(path) for name, path in files}


def check_tables(files: Iterable[str], tables: Mapping[str, str]) -> None:
    """Raise `LakeError` if a table's sub-folder holds no Parquet file."""
    names = list(files)
    for table, folder in tables.items():
        inside = [name for name in names if name.startswith(f"{folder}/")]
        if not any(name.endswith(".parquet") for name in inside):
            raise LakeError(f"table '{table}' has no Parquet file in its sub-folder '{folder}'")


def sha256_of_file(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def chosen(files: Iterable[str], only: Sequence[str] | None) -> list[str]:
    """Return the names that start with one of the prefixes `only`; all of them if it is None."""
    if only is None:
        return list(files)
    return [name for name in files if name.startswith(tuple(only))]


def check_files(folder: Path, manifest: Manifest, names: Iterable[str]) -> None:
    """Compare the bytes of the named files with their hashes.

    Raises
    ------
    CorruptArtifactError
        Naming the first file that is missing or differs.
    """
    for name in names:
        path = folder / name
        if not path.is_file():
            raise CorruptArtifactError(f"{manifest.path}/{name} is missing from {folder}")
        if sha256_of_file(path) != manifest.files[name]:
            raise CorruptArtifactError(f"{path} does not match the hash in its manifest")


def check_nothing_added(folder: Path, manifest: Manifest) -> None:
    """Raise `CorruptArtifactError` if `folder` holds a file that its manifest does not name."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_dir() and name != MANIFEST_NAME and name not in manifest.files:
            raise CorruptArtifactError(f"{path} is not named in the manifest of {manifest.path}")


def _is_file(path: Path) -> bool:
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise LakeError(f"{path} is a link or a special file and cannot be committed")
    return path.is_file()


def _name(folder: Path, path: Path) -> str:
    name = path.relative_to(folder).as_posix()
    if name == MANIFEST_NAME:
        raise LakeError(f"{path} has the name of the lake's own manifest; rename it")
    if "\\" in name or not name.isprintable():
        raise LakeError(f"{path!r} has a backslash or an unprintable character in its name")
    return name


def _sha256_of(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(_json(value)).hexdigest()


def _json(value: Mapping[str, Any], *, indent: int | None = None) -> bytes:
    return json.dumps(value, sort_keys=True, indent=indent, allow_nan=False).encode()
