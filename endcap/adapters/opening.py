"""From a URI to the lake behind it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import ConfigError
from endcap.ports import Lake


def open_lake(
    uri: str,
    *,
    cache_folder: Path,
    glue_database: str | None = None,
    cache_keep_bytes: int | None = None,
) -> Lake:
    """Return the lake at `uri`. Nothing is read or written yet.

    Parameters
    ----------
    uri
        A folder (``lake``, ``/data/lake``, ``file:///data/lake``) or ``s3://bucket/prefix``.
    glue_database
        Where an S3 lake registers its tables; none are registered without it. A folder lake has no
        catalogue.
    cache_folder
        Where an S3 lake keeps what it downloaded.
    cache_keep_bytes
        How much of what it downloaded it keeps that nothing has open; None keeps everything.

    Raises
    ------
    ConfigError
        If the URI is of no known kind, or what its kind needs is not installed.

    Examples
    --------
    >>> open_lake("/data/lake", cache_folder=Path("/unused"))
    FolderLake('/data/lake')
    """
    scheme, separator, _ = uri.partition("://")
    if uri and not separator:
        return FolderLake(Path(uri))
    if scheme == "file":
        return FolderLake(_folder_of(uri))
    if scheme == "s3":
        # Imported here: a lake in a folder must work, and start fast, without the AWS libraries.
        try:
            from endcap.adapters.s3_lake import S3Lake  # noqa: PLC0415
        except ImportError as exc:
            raise ConfigError(
                f"the lake {uri} needs the AWS libraries ({exc.name} is missing): "
                "pip install 'endcap[aws]'"
            ) from exc
        return S3Lake.connect(
            uri,
            cache_folder=cache_folder,
            glue_database=glue_database,
            cache_keep_bytes=cache_keep_bytes,
        )
    raise ConfigError(f"the lake {uri!r} is neither a folder nor s3://bucket/prefix")


def _folder_of(uri: str) -> Path:
    parts = urlsplit(uri)
    if parts.netloc not in {"", "localhost"} or not parts.path:
        raise ConfigError(f"the lake {uri!r} must be written file:///absolute/folder")
    return Path(unquote(parts.path))
