"""A lake in a bucket.

    <prefix>/manifests/<path>.json          a committed folder: its manifest, put last
    <prefix>/data/<path>/<attempt>/<file>   its files; the manifest names the attempt that won
    <prefix>/objects/<path>                 a small object

Every committer uploads under an attempt of its own and then puts the manifest on the condition that
there is none. So a folder appears with that one request, two committers cannot mix their files, and
the loser deletes its own. Listing folders or objects does not page through data.

Bytes move with boto3 rather than awswrangler: `awswrangler.s3.upload` reads a whole file into
memory, and importing it loads pandas, which a process that only reads must not pay for. The Glue
catalogue goes through awswrangler (`catalogue.py`).
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from endcap.adapters.catalogue import GlueCatalogue
from endcap.adapters.lake_paths import ancestors, checked_path, checked_prefix
from endcap.adapters.manifests import StoredManifest, check_tables, chosen, hash_folder
from endcap.adapters.s3_bucket import IF_ABSENT, S3Bucket
from endcap.adapters.s3_cache import DownloadCache
from endcap.adapters.s3_errors import translated
from endcap.errors import ConfigError, ConflictError, EndcapError, LakeError, NotFoundError
from endcap.ports import ABSENT, Manifest, Versioned

RETIRED_TAG: Final = ("endcap-retired", "true")
"""The tag on what nothing needs any more."""

_THREADS: Final = 8
_ATTEMPT: Final = re.compile(r"/attempt-[0-9a-f]{32}/")
_URI: Final = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<prefix>.*))?")


class Catalogue(Protocol):
    """Where tables are registered."""

    def point(self, table: str, location: str) -> None:
        """Register `table` over the Parquet files below `location`."""


class S3Lake:
    """The port `endcap.ports.Lake` on S3.

    Parameters
    ----------
    uri
        ``s3://bucket`` or ``s3://bucket/prefix``.
    client
        A boto3 S3 client; shared by threads.
    cache_folder
        Where opened folders are kept by content, and where folders are staged.
    catalogue
        Where `commit` registers tables; none are registered without it.
    cache_keep_bytes
        See `DownloadCache`.

    Raises
    ------
    ConfigError
        If the URI does not name a bucket.
    """

    def __init__(
        self,
        uri: str,
        *,
        client: BaseClient,
        cache_folder: Path,
        catalogue: Catalogue | None = None,
        cache_keep_bytes: int | None = None,
    ) -> None:
        match = _URI.fullmatch(uri)
        if match is None:
            raise ConfigError(f"the lake {uri!r} must be written s3://bucket/prefix")
        self._uri = uri.rstrip("/")
        self._bucket = S3Bucket(client, match["bucket"])
        prefix = (match["prefix"] or "").strip("/")
        self._root = f"{prefix}/" if prefix else ""
        self._cache = DownloadCache(cache_folder, keep_bytes=cache_keep_bytes)
        self._catalogue = catalogue

    @classmethod
    def connect(
        cls,
        uri: str,
        *,
        cache_folder: Path,
        glue_database: str | None = None,
        cache_keep_bytes: int | None = None,
    ) -> S3Lake:
        """Return the lake at `uri`, called with the process's own AWS credentials and region."""
        session = boto3.Session()
        config = Config(
            retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=2 * _THREADS
        )
        with translated(uri):
            client = session.client("s3", config=config)
        catalogue = GlueCatalogue(session, glue_database) if glue_database else None
        return cls(
            uri,
            client=client,
            cache_folder=cache_folder,
            catalogue=catalogue,
            cache_keep_bytes=cache_keep_bytes,
        )

    def __repr__(self) -> str:
        return f"S3Lake({self.uri!r})"

    @property
    def uri(self) -> str:
        """The lake's address, ``s3://bucket/prefix``."""
        return self._uri

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Return a new empty folder on the cache's disk; deleted on leaving."""
        folder = self._cache.new_staging_folder()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def commit(
        self,
        path: str,
        staged: Path,
        *,
        facts: Mapping[str, Any],
        tables: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Upload `staged`, publish it by putting its manifest, and register its tables.

        If registering fails the folder is committed all the same, and committing it again
        registers the tables.
        """
        stored = self._stored(path)
        if stored is None:
            self._refuse_taken(path)
            stored = self._publish(path, staged, facts, tables or {})
        if self._catalogue is not None:
            location = self._bucket.uri_of(self._data_key(path, stored))
            for table, folder in stored.tables.items():
                self._catalogue.point(table, f"{location}{folder}/")
        return stored.at(path)

    def manifest(self, path: str) -> Manifest | None:
        """Return the manifest of the folder committed at `path`, or None."""
        stored = self._stored(path)
        return None if stored is None else stored.at(path)

    @contextmanager
    def open(
        self, path: str, *, only: Sequence[str] | None = None, verify: bool = False
    ) -> Iterator[Path]:
        """Give the committed folder's copy in the cache, downloading what is not there yet.

        Bytes are checked as they come; `verify` checks those that came earlier too, and fetches
        again what has changed on this disk. The copy may hold more files than `only` asks for.
        """
        stored = self._committed(path)
        manifest = stored.at(path)
        source = self._data_key(path, stored)

        def fetch(name: str) -> None:
            self._cache.fetch(manifest, name, lambda to: self._bucket.download(source + name, to))

        with self._cache.held(manifest):
            missing = self._cache.absent(manifest, chosen(stored.files, only), verify=verify)
            if missing:
                self._cache.make_room()
            _in_parallel(fetch, missing)
            yield self._cache.folder_of(manifest)

    def set_retired(self, path: str, *, retired: bool) -> None:
        """Tag the folder's objects, for a rule of the bucket's lifecycle, or take the tag off.

        The manifest is tagged first and untagged last: while any file has the tag, so has it.
        """
        stored = self._committed(path)
        manifest, tags = self._manifest_key(path), dict([RETIRED_TAG] if retired else [])
        if self._bucket.tags(manifest) == tags:
            return
        if retired:
            self._bucket.tag(manifest, tags)
        source = self._data_key(path, stored)
        _in_parallel(lambda name: self._bucket.tag(source + name, tags), stored.files)
        if not retired:
            self._bucket.tag(manifest, tags)

    def location(self, path: str) -> str:
        """Return the ``s3://`` URI below which the committed folder's files lie."""
        return self._bucket.uri_of(self._data_key(path, self._committed(path))).rstrip("/")

    def list_folders(self, prefix: str) -> list[str]:
        """Return the paths of the committed folders below `prefix`, sorted."""
        return [path.removesuffix(".json") for path in self._list("manifests", prefix)]

    def read(self, path: str) -> Versioned | None:
        """Return the small object at `path` with its tag (its ETag), or None."""
        return self._bucket.read(self._object_key(checked_path(path)))

    def write(self, path: str, data: bytes, *, expected: str | None = None) -> str:
        """Write a small object by one conditional request."""
        for folder in (checked_path(path), *ancestors(path)):
            if self._bucket.exists(self._manifest_key(folder)):
                raise LakeError(f"'{path}' lies in or at '{folder}', which is committed for good")
        condition = {} if expected is None else {"IfMatch": expected}
        return self._bucket.put(
            self._object_key(path), data, IF_ABSENT if expected == ABSENT else condition
        )

    def list_objects(self, prefix: str) -> list[str]:
        """Return the paths of the small objects below `prefix`, sorted."""
        return self._list("objects", prefix)

    def remove_stale_staging(self, older_than_seconds: float, now: float) -> list[str]:
        """Delete the uploads of killed committers, and what killed processes left in the cache.

        Parameters
        ----------
        older_than_seconds
            How old the newest file of an upload must be; longer than any commit takes.
        now
            The present, in seconds since the epoch.

        Returns
        -------
        list of str
            The attempts deleted, as paths below the lake's ``data/``.
        """
        self._cache.remove_stale(older_than_seconds, now)
        stale = []
        for attempt, newest in sorted(self._attempts().items()):
            path, _, name = attempt.rpartition("/")
            if now - newest > older_than_seconds:
                stored = self._stored(path)
                if stored is None or stored.attempt != name:
                    self._bucket.delete_below(f"{self._root}data/{attempt}/")
                    stale.append(attempt)
        return stale

    def _publish(
        self, path: str, staged: Path, facts: Mapping[str, Any], tables: Mapping[str, str]
    ) -> StoredManifest:
        files = hash_folder(staged)
        check_tables(files, tables)
        ours = StoredManifest(files, facts, tables, attempt=f"attempt-{uuid.uuid4().hex}")
        data = ours.encode()
        target = self._data_key(path, ours)
        try:
            _in_parallel(lambda name: self._bucket.upload(staged / name, target + name), files)
        except BaseException:
            self._abandon(target)
            raise
        try:
            self._bucket.put(self._manifest_key(path), data, IF_ABSENT)
        except ConflictError:
            self._abandon(target)
        # Any other error of the put may hide a success, so the files stay where they are; if there
        # was none, `remove_stale_staging` finds them.
        stored = self._stored(path)
        if stored is None:
            raise LakeError(f"'{path}' vanished while it was being committed")
        return stored

    def _refuse_taken(self, path: str) -> None:
        for above in ancestors(path):
            if self._bucket.exists(self._manifest_key(above)):
                raise LakeError(f"'{path}' lies inside '{above}', which is committed for good")
        taken = (
            self._bucket.exists(self._object_key(path)),
            self._bucket.first_key(self._object_key(f"{path}/")),
            self._bucket.first_key(f"{self._root}manifests/{path}/"),
        )
        if any(taken):
            raise LakeError(f"'{path}' already holds objects or other folders")

    def _committed(self, path: str) -> StoredManifest:
        stored = self._stored(path)
        if stored is None:
            raise NotFoundError(
                f"no folder '{path}' in the lake {self.uri}; check the lake's address, "
                "or run `endcap run` first"
            )
        return stored

    def _stored(self, path: str) -> StoredManifest | None:
        key = self._manifest_key(checked_path(path))
        found = self._bucket.read(key)
        if found is None:
            return None
        return StoredManifest.decode(found.data, name=self._bucket.uri_of(key))

    def _list(self, kind: str, prefix: str) -> list[str]:
        below = checked_prefix(prefix)
        root = f"{self._root}{kind}/"
        keys = self._bucket.keys(f"{root}{below}/" if below else root)
        return sorted(key.removeprefix(root) for key, _ in keys)

    def _attempts(self) -> dict[str, float]:
        """Return attempt -> when its newest file was put, in epoch seconds."""
        root = f"{self._root}data/"
        newest: dict[str, float] = {}
        for key, moment in self._bucket.keys(root):
            match = _ATTEMPT.search(key)
            if match:
                attempt = key[len(root) : match.end() - 1]
                newest[attempt] = max(moment, newest.get(attempt, moment))
        return newest

    def _abandon(self, start: str) -> None:
        # What cannot be deleted now is found by `remove_stale_staging` later.
        with suppress(EndcapError):
            self._bucket.delete_below(start)

    def _manifest_key(self, path: str) -> str:
        return f"{self._root}manifests/{path}.json"

    def _object_key(self, path: str) -> str:
        return f"{self._root}objects/{path}"

    def _data_key(self, path: str, stored: StoredManifest) -> str:
        return f"{self._root}data/{path}/{stored.attempt}/"


def _in_parallel(work: Callable[[str], None], names: Iterable[str]) -> None:
    """Do `work` for every name, a few at a time; after the first error no more are begun."""
    with ThreadPoolExecutor(_THREADS) as pool:
        futures = [pool.submit(work, name) for name in names]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
