"""The data report alone: a log is cleaned on trial, and nothing but the report is kept."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endcap.config import RunConfig
from endcap.dataset.cleaning import clean
from endcap.dataset.mapping import LogMapping
from endcap.errors import NotFoundError, TooManyBadRowsError
from endcap.use_cases.data_report import PAGE, REPORT
from endcap.use_cases.validate_and_clean import as_of_ms


@dataclass(frozen=True)
class CheckResult:
    """The data report, and why a run would refuse the log, if it would."""

    report: dict[str, Any]
    refusal: TooManyBadRowsError | None


def check_log(
    raw: Path,
    scratch: Path,
    *,
    mapping: LogMapping | None,
    config: RunConfig,
    now_ms: int,
    keep: Path | None,
) -> CheckResult:
    """Clean the log in `raw` on trial and return the report.

    Parameters
    ----------
    scratch
        A folder to clean into; made if missing.
    now_ms
        UTC epoch ms; an event after it is impossible.
    keep
        Where to copy ``report.json`` and ``report.html``; nowhere if None.

    Raises
    ------
    DatasetError
        The log cannot be read at all. A log with too many bad rows is no error here.
    NotFoundError
        There is no folder `raw`.
    """
    if not raw.is_dir():
        raise NotFoundError(f"no folder {raw}: --raw names the folder with the shop's log")
    refusal = None
    try:
        report = clean(
            raw,
            scratch,
            mapping=mapping,
            cleaning=config.cleaning,
            as_of_ms=as_of_ms(config),
            now_ms=now_ms,
            threads=config.threads,
        )
    except TooManyBadRowsError as exc:
        report = json.loads((scratch / REPORT).read_text(encoding="utf-8"))
        refusal = exc
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        for name in (REPORT, PAGE):
            shutil.copyfile(scratch / name, keep / name)
    return CheckResult(report, refusal)
