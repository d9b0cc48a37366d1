"""Where a run's data report lies, and what it warns of."""

import json
from dataclasses import dataclass
from typing import Final

from endcap.ports import Lake
from endcap.use_cases.runs import CLEAN, open_run

REPORT: Final = "report.json"
PAGE: Final = "report.html"


@dataclass(frozen=True)
class DataReport:
    """`page`: where the readable report lies. `warnings`: one sentence each."""

    page: str
    warnings: tuple[str, ...]


def read_data_report(run_id: str, lake: Lake) -> DataReport:
    """Return the data report of a run that cleaned its log. Raises `NotFoundError`."""
    path = open_run(run_id, lake).ref(CLEAN).path
    with lake.open(path, only=[REPORT]) as folder:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    warnings = tuple(str(warning["message"]) for warning in report["warnings"])
    return DataReport(place_of(path, PAGE, lake), warnings)


def place_of(folder: str, file: str, lake: Lake) -> str:
    """Return where a file below a folder of the lake is found, for a reader."""
    # In a bucket it lies under a key that only the lake knows.
    if "://" in lake.uri:
        return f"{folder}/{file} in the lake {lake.uri}"
    return f"{lake.uri}/{folder}/{file}"
