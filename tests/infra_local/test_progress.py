from io import StringIO
from pathlib import Path

from rich.console import Console

from infra_local.progress import Progress
from infra_local.records import StateEvent, StateRecord
from tests.infra_local.machines import function, machine, run


def test_elsewhere_than_on_a_terminal_each_state_is_one_line(tmp_path: Path) -> None:
    console = Console(file=StringIO(), width=40)

    with Progress(console) as progress:
        run(machine(Clean=function({"do": "echo"})), tmp_path, on_event=progress.show)

    lines = _text(console).splitlines()
    assert len(lines) == 1
    assert lines[0].split()[:2] == ["Clean", "succeeded"]


def test_a_failure_shows_its_error() -> None:
    console = Console(file=StringIO())
    record = StateRecord("Clean", "failed", 0.0, 1.5, error="DatasetError", message="no column")

    Progress(console).show(StateEvent("failed", record))

    words = " ".join(_text(console).split())
    assert words == "Clean failed 1.5 s DatasetError: no column"


def test_on_a_terminal_inner_states_show_while_they_run() -> None:
    console = Console(file=StringIO(), force_terminal=True, width=100)
    outer = StateRecord("Train", "running", 0.0)
    done = StateRecord("One", "succeeded", 0.0, 1.0, parent="Train", item="ranking")
    open_one = StateRecord("One", "running", 0.0, parent="Train", item="test")
    progress = Progress(console, clock=lambda: 5.0)

    for event in (
        StateEvent("entered", outer),
        StateEvent("succeeded", done),
        StateEvent("entered", open_one),
        StateEvent("progress", outer, done=1, total=2),
    ):
        progress.show(event)
    console.print(progress)

    text = _text(console)
    assert "1 of 2" in text
    assert "One test" in text
    assert "One ranking" not in text


def test_the_live_display_ends_with_every_outer_state(tmp_path: Path) -> None:
    console = Console(file=StringIO(), force_terminal=True, width=100)

    with Progress(console) as progress:
        toy = machine(Clean=function({"do": "echo"}, Next="Train"), Train=function({"do": "echo"}))
        run(toy, tmp_path, on_event=progress.show)

    last = _text(console).rsplit("Clean", 1)[1]
    assert "Train" in last


def _text(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()
