"""Shows an execution while it runs: a live list on a terminal, one line a state elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from infra_local.records import StateEvent, StateRecord

_SIGNS = {
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "retried": ("↻", "yellow"),
    "stopped": ("-", "dim"),
}


@dataclass(frozen=True)
class _Row:
    """A state on show. `since`: when its latest attempt began, by the display's clock."""

    record: StateRecord
    since: float
    counted: str = ""

    def text(self) -> str:
        """Return what is known beside the name: items done, facts, or what went wrong."""
        record = self.record
        attempt = f"attempt {record.attempt}" if record.attempt > 1 else ""
        wrong = f"{record.error}: {record.message}" if record.error else ""
        return ", ".join(part for part in (self.counted, attempt, record.detail, wrong) if part)


class Progress:
    """The display. Use it as a context, and give `show` to `run_execution` as `on_event`.

    `clock` returns seconds; only differences matter.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._rows: dict[tuple[str, str | None], _Row] = {}
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(self, console=console, refresh_per_second=8, auto_refresh=False)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.auto_refresh = True
            self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, event: StateEvent) -> None:
        """Take in one event."""
        record = event.record
        key = (record.name, record.item)
        row = self._rows.get(key)
        if row is None or event.kind == "entered":
            row = _Row(record, self._clock())
        counted = f"{event.done} of {event.total}" if event.kind == "progress" else row.counted
        # In place of the dictionary, not of the row: the display reads it from another thread.
        self._rows = {**self._rows, key: replace(row, record=record, counted=counted)}
        if not self._console.is_terminal and event.kind in ("succeeded", "failed"):
            self._console.print(self._line(self._rows[key]), soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the list: inner states only while they run, or if they failed."""
        table = Table.grid(padding=(0, 1))
        for row in self._shown():
            running = row.record.status == "running"
            sign = self._spinner if running else _sign(row.record)
            seconds = self._clock() - row.since if running else row.record.seconds
            table.add_row(
                sign,
                Text(_name(row.record), style="bold" if row.record.parent is None else ""),
                Text(f"{seconds:.1f} s", style="cyan", justify="right"),
                Text(row.text(), style="red" if row.record.status == "failed" else "dim"),
            )
        yield table

    def _shown(self) -> Iterator[_Row]:
        rows = list(self._rows.values())
        for row in rows:
            if row.record.parent is not None:
                continue
            yield row
            for inner in rows:
                kept = inner.record.status in ("running", "failed", "retried")
                if inner.record.parent == row.record.name and kept:
                    yield inner

    def _line(self, row: _Row) -> Text:
        record = row.record
        line = Text(f"{_name(record):<34} {record.status:<9} {record.seconds:7.1f} s")
        detail = row.text()
        return line.append(f"  {detail}") if detail else line


@contextmanager
def show_progress() -> Iterator[Callable[[StateEvent], None]]:
    """Show what happens on standard output; gives what `run_execution` takes as `on_event`."""
    with Progress(Console(highlight=False)) as progress:
        yield progress.show


def _name(record: StateRecord) -> str:
    indent = "" if record.parent is None else "  "
    return indent + (f"{record.name} {record.item}" if record.item else record.name)


def _sign(record: StateRecord) -> Text:
    sign, style = _SIGNS.get(record.status, ("·", "dim"))
    return Text(sign, style=style)
