"""Raw logs in a local folder or under an S3 prefix."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from endcap.errors import DatasetError, NotFoundError

_S3: Final = "s3://"


class OpenRawLogs:
    """The port `endcap.ports.RawLogs`: a folder is given as it is, an S3 prefix is downloaded.

    Parameters
    ----------
    scratch
        Where downloads lie while they are open; among the temporary files by default.
    """

    def __init__(self, scratch: Path | None = None) -> None:
        self._scratch = scratch

    @contextmanager
    def open(self, uri: str) -> Iterator[Path]:
        """Give the raw log at `uri`, a folder or ``s3://bucket/prefix``, as a local folder.

        Raises `NotFoundError` if nothing is there, `DatasetError` if a key under the prefix cannot
        be a file's name, and what `adapters.s3_errors.translated` raises.
        """
        if not uri.startswith(_S3):
            yield _existing(Path(uri))
            return
        with TemporaryDirectory(prefix="endcap-raw-", dir=self._scratch) as folder:
            _download(uri.rstrip("/") + "/", Path(folder))
            yield Path(folder)


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise NotFoundError(f"no folder {folder}: --raw names the folder with the shop's log")
    return folder


def _download(address: str, folder: Path) -> None:
    # Kept out of the module's head: a log in a folder needs no AWS library.
    import boto3  # noqa: PLC0415

    from endcap.adapters.s3_bucket import S3Bucket  # noqa: PLC0415
    from endcap.adapters.s3_errors import translated  # noqa: PLC0415

    name, _, prefix = address.removeprefix(_S3).partition("/")
    with translated(address):
        bucket = S3Bucket(boto3.Session().client("s3"), name)
    # A console keeps an empty object with the folder's own name in each folder that it makes.
    keys = [key for key, _ in bucket.keys(prefix) if not key.endswith("/")]
    if not keys:
        raise NotFoundError(f"nothing lies under {address}: --raw names the shop's log")
    for key in keys:
        file = folder / _relative(key.removeprefix(prefix), address)
        file.parent.mkdir(parents=True, exist_ok=True)
        bucket.download(key, file)


def _relative(name: str, address: str) -> PurePosixPath:
    """Return the path of a file below a folder that it cannot leave. Raises `DatasetError`."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise DatasetError(f"{address}{name}: cannot be a file below a folder; leave it out")
    return path
