"""Raw log in; canonical tables, quarantine and data report out."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from endcap.config import RunConfig
from endcap.dataset.cleaning import clean
from endcap.dataset.mapping import LogMapping
from endcap.errors import TooManyBadRowsError
from endcap.ports import Lake, RawLogs, RecordLog
from endcap.use_cases.data_report import PAGE, place_of
from endcap.use_cases.fingerprints import folder_digest
from endcap.use_cases.lake_layout import run_path
from endcap.use_cases.recorded_events import with_recorded_events
from endcap.use_cases.runs import CLEAN, Run, start_run

TABLES: Final = {
    "interactions": "interactions",
    "item_properties": "item_properties",
    "categories": "categories",
    "quarantine": "quarantine",
}
"""What a lake with a catalogue registers: table -> sub-folder of the step's output."""


def validate_and_clean(
    request: Mapping[str, Any],
    lake: Lake,
    raw_logs: RawLogs,
    *,
    now_ms: int,
    record_log: RecordLog | None = None,
) -> dict[str, Any]:
    """Start the run ``request["run_id"]`` and clean its raw log.

    Parameters
    ----------
    request
        See `runs.start_run`.
    now_ms
        UTC epoch ms; an event after it is impossible. It is not part of what the step depends on:
        a log that was cleaned once is not cleaned again because time has passed.
    record_log
        Where a service recorded events that are part of the log too, if any.

    Returns
    -------
    dict
        The report's facts (see `dataset.report`), and ``folds``: the names that the workflow maps
        over.

    Raises
    ------
    TooManyBadRowsError
        Past the quarantine limit. Report and quarantine of the refused log are then kept under
        ``runs/<run_id>/refused``, and the message ends with where.
    DatasetError, NotEnoughDataError
        The log cannot be read, or is too short to be split.
    ConfigError, NotFoundError
        The request is wrong, or the log or the settings that it names are not there.
    """
    run = start_run(request, lake)
    mapping = None if run.mapping is None else LogMapping.parse(json.dumps(run.mapping))
    with _raw_log(run, raw_logs, record_log, now_ms) as raw:

        def compute(out: Path) -> dict[str, Any]:
            try:
                report = clean(
                    raw,
                    out,
                    mapping=mapping,
                    cleaning=run.config.cleaning,
                    as_of_ms=as_of_ms(run.config),
                    now_ms=now_ms,
                    threads=run.config.threads,
                )
            except TooManyBadRowsError as exc:
                place = place_of(_keep_refused(run, out), PAGE, lake)
                raise TooManyBadRowsError(f"{exc}; the report of the log: {place}") from exc
            return dict(report["facts"])

        ref = run.perform(
            CLEAN,
            rooms=["dataset"],
            params={
                "cleaning": run.config.cleaning.model_dump(mode="json"),
                "mapping": run.mapping,
                "as_of_ms": as_of_ms(run.config),
            },
            inputs=[folder_digest(raw)],
            compute=compute,
            tables=TABLES,
        )
    return {**ref.facts, "folds": list(run.folds()), "reused": ref.reused}


@contextmanager
def _raw_log(
    run: Run, raw_logs: RawLogs, record_log: RecordLog | None, now_ms: int
) -> Iterator[Path]:
    with raw_logs.open(run.raw) as raw, ExitStack() as stack:
        yield (
            raw
            if record_log is None
            else stack.enter_context(with_recorded_events(raw, record_log, now_ms=now_ms))
        )


def as_of_ms(config: RunConfig) -> int | None:
    """Return the configured as-of time in UTC epoch ms; None for the end of the log."""
    as_of = config.split.as_of
    return None if as_of is None else int(as_of.timestamp() * 1000)


def _keep_refused(run: Run, out: Path) -> str:
    """Keep what cleaning left of a refused log, and return where.

    A run of the same name may have been refused before, for another log.
    """
    first = run_path(run.run_id, "refused")
    places = (first if n == 1 else f"{first}-{n}" for n in count(1))
    free = next(place for place in places if run.lake.manifest(place) is None)
    return run.lake.commit(free, out, facts={}).path
