"""Rows that cannot be used: why, how many, and where they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from endcap.columns import FILE, RAW, REASON, ROW_NUMBER

REASONS: Final[dict[str, str]] = {
    "wrong_column_count": "The row has more or fewer columns than the header.",
    "bad_encoding": "The row is not valid UTF-8 text, or holds a NUL character.",
    "bad_json": "The line is not one JSON object.",
    "bad_timestamp": "The time is missing or cannot be read in the stated unit.",
    "impossible_time": "The time lies before the earliest or after the latest possible moment.",
    "missing_user_id": "The row names no visitor.",
    "bad_user_id": "The visitor id is not a whole number, or not a readable id at all.",
    "missing_item_id": "The row names no item.",
    "bad_item_id": "The item id is not a whole number, or not a readable id at all.",
    "unknown_event_type": "The event type is none that this log may have.",
    "missing_transaction_id": "A transaction has no transaction id.",
    "unexpected_transaction_id": "An event that is no transaction has a transaction id.",
    "bad_transaction_id": "The transaction id is not a whole number.",
    "missing_property": "The row names no property.",
    "missing_category_id": "The row names no category.",
    "bad_category_id": "The category id, or its parent's, is not a readable id.",
    "conflicting_parent": "The category was already given with another parent; the first is kept.",
    "duplicate": "The row repeats an earlier one exactly; the earlier one is kept.",
}
"""Every reason for quarantine, in the order in which it is looked for; the first that fits wins."""

HARMLESS: Final = frozenset({"duplicate"})
"""Reasons that do not count towards the share of bad rows."""

SCHEMA: Final = pa.schema(
    [(FILE, pa.string()), (ROW_NUMBER, pa.int64()), (REASON, pa.string()), (RAW, pa.string())]
)
MAX_RAW_CHARACTERS: Final = 4096
_ROWS_PER_GROUP: Final = 65_536


@dataclass(frozen=True)
class BadRow:
    """One row on its way to quarantine. `row_number`: 1 is the first data row of the file."""

    row_number: int
    reason: str
    raw: str


@dataclass
class FileTally:
    """What became of the rows of one input file."""

    file: str
    table: str
    rows: int = 0
    kept: int = 0
    after_as_of: int = 0
    ignored: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    examples: dict[str, BadRow] = field(default_factory=dict)

    @property
    def bad(self) -> int:
        """Number of quarantined rows, harmless reasons left out."""
        return sum(n for reason, n in self.quarantined.items() if reason not in HARMLESS)

    @property
    def bad_share(self) -> float:
        """Bad rows over all rows that lie before the as-of time; 0 for an empty file."""
        considered = self.rows - self.after_as_of
        return self.bad / considered if considered else 0.0

    def worst(self) -> tuple[str, int]:
        """Return the most frequent reason that is not harmless, and its count."""
        bad = {r: n for r, n in self.quarantined.items() if r not in HARMLESS}
        return max(bad.items(), key=lambda pair: (pair[1], pair[0]))

    def add(self, rows: Sequence[BadRow]) -> None:
        """Count rows that go to quarantine, and keep the first of each reason as its example."""
        for row in rows:
            self.quarantined[row.reason] = self.quarantined.get(row.reason, 0) + 1
            known = self.examples.get(row.reason)
            if known is None or row.row_number < known.row_number:
                self.examples[row.reason] = row

    def add_plain(self, kept: int, after_as_of: int, ignored: int = 0) -> None:
        """Count rows that were found usable, or left out, without a look at each."""
        self.rows += kept + after_as_of + ignored
        self.kept += kept
        self.after_as_of += after_as_of
        self.ignored += ignored

    def to_json(self) -> dict[str, Any]:
        """Return the tally as JSON values."""
        return {
            "file": self.file,
            "table": self.table,
            "rows": self.rows,
            "kept": self.kept,
            "after_as_of": self.after_as_of,
            "ignored": self.ignored,
            "bad": self.bad,
            "bad_share": round(self.bad_share, 6),
            "quarantined": {
                reason: {
                    "rows": self.quarantined[reason],
                    "explanation": REASONS[reason],
                    "example": {
                        ROW_NUMBER: self.examples[reason].row_number,
                        RAW: self.examples[reason].raw[:200],
                    },
                }
                for reason in REASONS
                if reason in self.quarantined
            },
        }


class Quarantine:
    """The quarantine table, written as it fills, so that it need not fit in memory."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._pending: list[tuple[str, BadRow]] = []

    def add(self, tally: FileTally, rows: Sequence[BadRow]) -> None:
        """Keep rows of one file, and count them."""
        tally.add(rows)
        self._pending.extend((tally.file, row) for row in rows)
        if len(self._pending) >= _ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        columns = [
            [file for file, _ in self._pending],
            [row.row_number for _, row in self._pending],
            [row.reason for _, row in self._pending],
            [row.raw for _, row in self._pending],
        ]
        self._writer.write_table(pa.table(columns, schema=SCHEMA))
        self._pending = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flush()
        self._writer.close()


def readable(raw: bytes | str) -> str:
    r"""Return a raw row as text that can be stored and shown: no NUL, bad bytes as ``\xNN``."""
    head = raw[: 4 * MAX_RAW_CHARACTERS]
    text = head.decode("utf-8", "backslashreplace") if isinstance(head, bytes) else head
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text.replace("\0", "\\x00")[:MAX_RAW_CHARACTERS]
