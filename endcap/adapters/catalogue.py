"""Glue tables over Parquet folders, through awswrangler.

A table's columns come from the files' own schemas and its partitions from their Hive-style folders
(``event_date=2015-05-01``). Each registration points the table at one committed, immutable folder.
Glue has no transaction over a table and its partitions: a query that runs while a table is being
pointed elsewhere may miss partitions. Endcap itself reads by manifest and never through Glue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from endcap.adapters.s3_errors import translated

if TYPE_CHECKING:
    import boto3

_COMPLETE: Final = "endcap_location"
"""Table parameter written last: where the fully registered table lies."""


class GlueCatalogue:
    """One database of the Glue catalogue.

    Parameters
    ----------
    session
        The AWS session that Glue and S3 are called with.
    database
        The database's name; it must exist.
    """

    def __init__(self, session: boto3.Session, database: str) -> None:
        self._session = session
        self._database = database

    def point(self, table: str, location: str) -> None:
        """Register `table` over the Parquet files below `location`, unless it already is.

        A registration that was cut short is done again by the next call.

        Parameters
        ----------
        table
            The table's name; created or overwritten.
        location
            ``s3://bucket/.../`` with at least one Parquet file.

        Raises
        ------
        NotFoundError
            If the database does not exist.
        """
        # Imported here: it loads pandas, and an S3 lake that is only read must stay light.
        import awswrangler as wr  # noqa: PLC0415

        with translated(f"Glue table {self._database}.{table}"):
            if self._registered_at(table) == location:
                return
            wr.s3.store_parquet_metadata(
                path=location,
                database=self._database,
                table=table,
                dataset=True,
                mode="overwrite",
                boto3_session=self._session,
            )
            wr.catalog.upsert_table_parameters(
                parameters={_COMPLETE: location},
                database=self._database,
                table=table,
                boto3_session=self._session,
            )

    def _registered_at(self, table: str) -> str | None:
        import awswrangler as wr  # noqa: PLC0415

        if not wr.catalog.does_table_exist(
            database=self._database, table=table, boto3_session=self._session
        ):
            return None
        parameters: dict[str, str] = wr.catalog.get_table_parameters(
            database=self._database, table=table, boto3_session=self._session
        )
        return parameters.get(_COMPLETE)
