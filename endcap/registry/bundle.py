"""A model bundle: one immutable folder with all that serving needs.

    manifest.json         version, cut, what it was made from, metrics, size and hash of each file
    config.json           the run's configuration
    event_types.json      names, weights and aliases of the event types
    calibration.json      scores to probabilities and intervals
    item_ids/             the catalogue's ids by code
    item_table/           item-side features
    retrieval/<source>/   one index a candidate source
    ranker/               the ranker's trees
    shortcuts/            optional: what serving would compute once of all this
    evaluation/           optional: the scoreboard, and the values a later challenger is paired with

Same files, same version: the version is ``<cut as YYYYMMDDTHHMMSS>-<first 8 digits of the digest>``
and the digest is over the paths and hashes of all files but the manifest.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final, Protocol, Self

from endcap.errors import CorruptArtifactError, NotFoundError
from endcap.registry.item_ids import load_item_ids, save_item_ids

MANIFEST: Final = "manifest.json"
CONFIG: Final = "config.json"
EVENT_TYPES: Final = "event_types.json"
CALIBRATION: Final = "calibration.json"
ITEM_IDS: Final = "item_ids"
HASHED_AT_ONCE: Final = 4
ITEM_TABLE: Final = "item_table"
RETRIEVAL: Final = "retrieval"
RANKER: Final = "ranker"
EVALUATION: Final = "evaluation"
SHORTCUTS: Final = "shortcuts"
FORMAT: Final = 1
_REQUIRED = (CONFIG, EVENT_TYPES, CALIBRATION, ITEM_IDS, ITEM_TABLE, RETRIEVAL, RANKER)
_READ_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class BundleFile:
    """Size and hash of one file of a bundle."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class BundleManifest:
    """What a bundle is and what it was made from.

    `created_from`: fingerprint of the cleaned log. `git_commit`: of the code, or "unknown".
    `metrics`: name -> the full stack's mean on the test slice, None where not measured. `files`:
    relative POSIX path -> `BundleFile`, all but the manifest itself.
    """

    version: str
    cut_ms: int
    created_from: str
    git_commit: str
    config: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    files: Mapping[str, BundleFile]
    digest: str
    format: int = FORMAT

    def to_json(self) -> str:
        """Return the manifest as JSON text, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the manifest of a JSON text. Raises `CorruptArtifactError`."""
        try:
            fields = json.loads(text)
            files = {path: BundleFile(**entry) for path, entry in fields["files"].items()}
            manifest = cls(**{**fields, "files": files})
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise CorruptArtifactError(f"this is not a bundle's manifest: {exc}") from exc
        if manifest.format != FORMAT:
            raise CorruptArtifactError(
                f"{manifest.version}: bundle format {manifest.format}; this program reads {FORMAT}"
            )
        return manifest


@dataclass(frozen=True, eq=False, repr=False)
class BundleParts:
    """What a bundle is assembled from. Folders and files are copied as they are.

    Left out are files whose names begin with an underscore: they are the lake's, not a part's.

    `item_ids` by code; `item_table`, `retrieval`, `ranker`: folders that these rooms wrote;
    `calibration`, `event_types`: JSON files; `evaluation`, `shortcuts`: folders, or None.
    """

    item_ids: Sequence[str]
    item_table: Path
    retrieval: Path
    ranker: Path
    calibration: Path
    event_types: Path
    evaluation: Path | None = None
    shortcuts: Path | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Bundle:
    """An opened bundle: what is small is read, what is large is left as folders to be mapped."""

    folder: Path
    manifest: BundleManifest
    item_ids: Sequence[str]

    @property
    def version(self) -> str:
        """The version of the model."""
        return self.manifest.version

    @property
    def item_table(self) -> Path:
        """The folder of `features.item_table.ItemTable`."""
        return self.folder / ITEM_TABLE

    @property
    def retrieval(self) -> Path:
        """The folder of `retrieval.union.load_sources`."""
        return self.folder / RETRIEVAL

    @property
    def ranker(self) -> Path:
        """The folder of `ranking.scorer.TreeScorer`."""
        return self.folder / RANKER

    @property
    def calibration(self) -> Path:
        """The file of `uncertainty.calibration.Calibration`."""
        return self.folder / CALIBRATION

    @property
    def event_types(self) -> Path:
        """The file of `dataset.histories.EventTypes`."""
        return self.folder / EVENT_TYPES

    @property
    def shortcuts(self) -> Path | None:
        """The folder of `serving.shortcuts.Shortcuts`, if there is one."""
        folder = self.folder / SHORTCUTS
        return folder if folder.is_dir() else None

    @property
    def evaluation(self) -> Path | None:
        """The folder with the scoreboard and recorded scores, if there is one."""
        folder = self.folder / EVALUATION
        return folder if folder.is_dir() else None


def assemble(
    out: Path,
    parts: BundleParts,
    *,
    cut_ms: int,
    created_from: str,
    git_commit: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, float | None],
) -> BundleManifest:
    """Write a bundle into the folder `out` and return its manifest.

    `config` must be plain JSON. Raises `NotFoundError` naming a part that is missing or empty.
    """
    out.mkdir(parents=True, exist_ok=True)
    _copy_folder(parts.item_table, out / ITEM_TABLE)
    _copy_folder(parts.retrieval, out / RETRIEVAL)
    _copy_folder(parts.ranker, out / RANKER)
    _copy_file(parts.calibration, out / CALIBRATION)
    _copy_file(parts.event_types, out / EVENT_TYPES)
    if parts.evaluation is not None:
        _copy_folder(parts.evaluation, out / EVALUATION)
    if parts.shortcuts is not None:
        _copy_folder(parts.shortcuts, out / SHORTCUTS)
    save_item_ids(out / ITEM_IDS, parts.item_ids)
    text = json.dumps(dict(config), sort_keys=True, indent=1) + "\n"
    (out / CONFIG).write_text(text, encoding="utf-8")
    files = _describe(out)
    digest = content_digest(files)
    manifest = BundleManifest(
        version=version_name(cut_ms, digest),
        cut_ms=cut_ms,
        created_from=created_from,
        git_commit=git_commit,
        config=dict(config),
        metrics=dict(metrics),
        files=files,
        digest=digest,
    )
    (out / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


@dataclass(frozen=True, eq=False, repr=False)
class Look:
    """What is known of a folder's files: which have not changed since they were verified.

    `keep`: to be called when all others were verified too.
    """

    unchanged: frozenset[str]
    keep: Callable[[], None]


class Verified(Protocol):
    """Remembers which files had their hashes, for as long as they do not change."""

    def look(self, folder: Path, hashes: Mapping[str, str]) -> Look:
        """Look at the files of a folder. `hashes`: relative POSIX path -> sha256."""


def load_bundle(folder: Path, *, verify: bool = False, verified: Verified | None = None) -> Bundle:
    """Open a bundle.

    Always checked: the manifest is whole, every file is there and has its size. With `verify`, also
    every hash, but of files that `verified` knows. Raises `NotFoundError` if there is no bundle,
    `CorruptArtifactError` if it is not what its manifest says.
    """
    manifest = read_manifest(folder)
    look = None
    if verify and verified is not None:
        look = verified.look(folder, {path: file.sha256 for path, file in manifest.files.items()})
    known = frozenset() if look is None else look.unchanged

    def check(path: str) -> None:
        entry = manifest.files[path]
        hashed = verify and path not in known
        _check_file(folder / path, path, entry, version=manifest.version, verify=hashed)

    # Hashing lets go of the interpreter: several files at once on several cores. Statting does not.
    if verify and len(known) < len(manifest.files):
        with ThreadPoolExecutor(HASHED_AT_ONCE) as pool:
            list(pool.map(check, manifest.files))
    else:
        for path in manifest.files:
            check(path)
    if look is not None:
        look.keep()
    return Bundle(folder, manifest, load_item_ids(folder / ITEM_IDS))


def read_manifest(folder: Path) -> BundleManifest:
    """Return the manifest of a bundle, nothing else checked but that it describes a whole one."""
    path = folder / MANIFEST
    if not path.is_file():
        raise NotFoundError(f"{folder} holds no model bundle: {MANIFEST} is missing")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise CorruptArtifactError(f"{path}: cannot be read: {exc}") from exc
    manifest = BundleManifest.from_json(text)
    present = {file.split("/", 1)[0] for file in manifest.files}
    missing = [part for part in _REQUIRED if part not in present]
    if missing:
        raise CorruptArtifactError(f"{manifest.version}: the bundle lacks {', '.join(missing)}")
    if content_digest(manifest.files) != manifest.digest:
        raise CorruptArtifactError(f"{manifest.version}: the list of files was changed")
    return manifest


def content_digest(files: Mapping[str, BundleFile]) -> str:
    """Return a hash over the paths and hashes of all files, in the order of their paths."""
    lines = "".join(f"{path}\0{files[path].sha256}\n" for path in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def version_name(cut_ms: int, digest: str) -> str:
    """Return the version of a model: when its data end (UTC), and what it holds.

    >>> version_name(1_442_545_187_788, "0123456789abcdef")
    '20150918T025947-01234567'
    """
    cut = datetime.fromtimestamp(cut_ms // 1000, tz=UTC)
    return f"{cut:%Y%m%dT%H%M%S}-{digest[:8]}"


def _describe(folder: Path) -> dict[str, BundleFile]:
    """Return size and hash of every file below a folder but the manifest, by path."""
    files = {
        file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()
    }
    return {
        path: BundleFile(_sha256(files[path]), files[path].stat().st_size)
        for path in sorted(files)
        if path != MANIFEST
    }


def _sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_READ_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def _check_file(file: Path, path: str, entry: BundleFile, *, version: str, verify: bool) -> None:
    """Raise `CorruptArtifactError` if a file is not what the manifest says."""
    try:
        found = file.stat()
    except OSError as exc:
        raise CorruptArtifactError(f"{version}: {path} is missing") from exc
    size = found.st_size if S_ISREG(found.st_mode) else -1
    if size != entry.size_bytes:
        raise CorruptArtifactError(
            f"{version}: {path} has {size} bytes, its manifest says {entry.size_bytes}"
        )
    if verify and _sha256(file) != entry.sha256:
        raise CorruptArtifactError(f"{version}: the bytes of {path} do not match their hash")


def _copy_folder(source: Path, target: Path) -> None:
    """Copy a folder's own files. Raises `NotFoundError` if it is missing or has none."""
    if not any(file.is_file() and not file.name.startswith("_") for file in source.rglob("*")):
        raise NotFoundError(f"{source}: nothing there for the bundle's {target.name}")
    # What begins with an underscore is what this kind of lake keeps there: the same model from
    # another lake must have the same version.
    lake_files = shutil.ignore_patterns("_*")
    shutil.copytree(
        source, target, copy_function=shutil.copyfile, ignore=lake_files, dirs_exist_ok=True
    )


def _copy_file(source: Path, target: Path) -> None:
    """Copy a file. Raises `NotFoundError` if it is missing."""
    if not source.is_file():
        raise NotFoundError(f"{source}: nothing there for the bundle's {target.name}")
    shutil.copyfile(source, target)
