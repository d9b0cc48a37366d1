"""Adapters: the ports of `endcap.ports`, on a disk and on AWS.

``opening``           `open_lake`: from a URI to the lake behind it
``folder_lake``       `FolderLake`: a lake in one folder of a file system; standard library only
``s3_lake``           `S3Lake`: a lake in a bucket
``s3_bucket``         the few requests that an `S3Lake` makes of its bucket
``s3_cache``          local copies of what was opened from an `S3Lake`, by content
``s3_errors``         the AWS libraries' errors as ours
``catalogue``         Glue tables over the Parquet folders of an `S3Lake`
``manifests``         what both lakes write beside a folder, and how its bytes are checked
``lake_paths``        which paths a lake accepts
``leftovers``         what killed writers leave on a disk
``raw_logs``          a shop's raw log, in a folder or under an S3 prefix
``opening_stores``    `open_history`, `open_record_log`: the same for the service's stores
``sqlite_history``    visitors' histories in one file
``dynamodb_history``  visitors' histories in a table
``segment_log``       the record log in a folder; ``segments``: the format of its files
``firehose_log``      the record log on AWS
"""

__all__ = [
    "catalogue",
    "dynamodb_history",
    "firehose_log",
    "folder_lake",
    "lake_paths",
    "leftovers",
    "manifests",
    "opening",
    "opening_stores",
    "raw_logs",
    "s3_bucket",
    "s3_cache",
    "s3_errors",
    "s3_lake",
    "segment_log",
    "segments",
    "sqlite_history",
]
