"""Visitors that click faster than people: flagged by what they did so far, not by what follows."""

from duckdb import DuckDBPyConnection

from endcap.config import CleaningConfig


def flag_bots(connection: DuckDBPyConnection, config: CleaningConfig) -> None:
    """Make table ``bot_events`` (event_id) out of table ``events`` of a DuckDB connection.

    An event is a bot's if, up to and including it, its visitor had more than
    `bot_max_events_per_day` events on some UTC day or more than `bot_max_events_per_minute` in
    some UTC minute. From that moment on all of the visitor's events are flagged; what came before
    stays unflagged, since at its time nobody could know.
    """
    day, minute = config.bot_max_events_per_day, config.bot_max_events_per_minute
    connection.execute(
        f"""
        CREATE TABLE bot_events AS
        WITH busy AS (
            SELECT user_id FROM events GROUP BY user_id HAVING count(*) > {min(day, minute)}
        ), counted AS (
            SELECT event_id, user_id, time_ms, file_index, row_number,
                row_number() OVER (
                    PARTITION BY user_id, time_ms // 86400000
                    ORDER BY time_ms, file_index, row_number
                ) AS on_day,
                row_number() OVER (
                    PARTITION BY user_id, time_ms // 60000
                    ORDER BY time_ms, file_index, row_number
                ) AS in_minute
            FROM events WHERE user_id IN (SELECT user_id FROM busy)
        ), flagged AS (
            SELECT event_id, bool_or(on_day > {day} OR in_minute > {minute}) OVER (
                PARTITION BY user_id ORDER BY time_ms, file_index, row_number
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS is_bot
            FROM counted
        )
        SELECT event_id FROM flagged WHERE is_bot
        """  # noqa: S608  two whole numbers
    )
