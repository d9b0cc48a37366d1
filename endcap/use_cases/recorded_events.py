"""What the service recorded, beside a shop's own log, as one raw folder to train on."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from endcap.dataset.mapping import RECORDED_EVENTS
from endcap.errors import DatasetError
from endcap.ports import ERASURES, RecordLog
from endcap.use_cases.live_traffic import iter_events, to_fields


@contextmanager
def with_recorded_events(raw: Path, log: RecordLog, *, now_ms: int) -> Iterator[Path]:
    """Give a folder that links to every file of `raw` and holds the recorded events besides.

    They are all events that happened before `now_ms` (UTC epoch ms), each once, less those of
    visitors who asked to be forgotten afterwards. Where nothing was recorded `raw` itself is given.
    Raises `DatasetError` if `raw` has a file of the name that they get, and
    `RecordLogUnavailableError`.
    """
    erased_ms: dict[str, int] = {}
    for record in log.read(ERASURES, since_ms=0):
        user_id = str(record.fields["user_id"])
        erased_ms[user_id] = max(record.received_ms, erased_ms.get(user_id, 0))
    events = (
        event
        for event in iter_events(log, since_ms=0, until_ms=now_ms)
        # By when it happened: what was told late of a time before is to be forgotten as well.
        if event.time_ms > erased_ms.get(event.user_id, -1)
    )
    first = next(events, None)
    if first is None:
        yield raw
        return
    (name,) = RECORDED_EVENTS.files
    if (raw / name).exists():
        raise DatasetError(f"{raw / name} has the name of the service's own events; rename it")
    with TemporaryDirectory(prefix="endcap-recorded-") as temporary:
        folder = Path(temporary)
        for file in sorted(path for path in raw.rglob("*") if path.is_file()):
            link = folder / file.relative_to(raw)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.realpath(file))
        with (folder / name).open("w", encoding="utf-8") as stream:
            for event in chain([first], events):
                stream.write(json.dumps(to_fields(event)) + "\n")
        yield folder
