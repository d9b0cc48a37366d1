import sys
from pathlib import Path
from typing import Any

import pytest

from endcap.errors import WorkflowError
from infra_local import runs
from infra_local.cli import describe_outcome, main

REPORT: dict[str, Any] = {
    "run_id": "r1",
    "seconds": 12.4,
    "gate": {
        "promote": True,
        "outcome": "promote",
        "version": "v2",
        "champion": "v1",
        "reasons": ["better", "and calibrated"],
    },
    "warnings": ["no item properties: prices stay empty"],
    "data_report": "/lake/steps/clean/1/report.html",
}


def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: object) -> int:
    """Call ``endcap run`` with a workflow that ends like this, and return the exit code."""

    def train(*_: object, **__: object) -> object:
        if isinstance(ending, BaseException):
            raise ending
        return ending

    monkeypatch.setattr(runs, "train", train)
    lake = str(tmp_path / "my lake")
    monkeypatch.setattr(sys, "argv", ["endcap", "run", "--raw", str(tmp_path), "--lake", lake])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_a_run_tells_its_outcome_its_notes_and_where_to_look(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(monkeypatch, tmp_path, REPORT) == 0

    assert capsys.readouterr().out.splitlines() == [
        "Promoted v2 (run r1, 12 s)",
        "  - better",
        "  - and calibrated",
        "note: no item properties: prices stay empty",
        "Data report: /lake/steps/clean/1/report.html",
        f"Scoreboard: endcap scoreboard --lake '{tmp_path}/my lake'",
    ]


@pytest.mark.parametrize(
    ("gate", "verdict"),
    [
        ({"outcome": "keep"}, "Refused v2; v1 goes on serving (run r1, 12 s)"),
        (
            {"outcome": "keep", "champion": None},
            "Refused v2; no model goes on serving (run r1, 12 s)",
        ),
        ({"outcome": "already_champion"}, "v2 goes on serving (run r1, 12 s)"),
    ],
)
def test_a_refusal_is_an_outcome_too(gate: dict[str, Any], verdict: str) -> None:
    report = {**REPORT, "gate": {**REPORT["gate"], **gate}}

    assert describe_outcome(report).splitlines()[0] == verdict


def test_a_run_that_fails_ends_with_1_and_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(monkeypatch, tmp_path, WorkflowError("TrainRanker failed: no order")) == 1

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "endcap: TrainRanker failed: no order\n")


def test_a_run_that_is_interrupted_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(monkeypatch, tmp_path, KeyboardInterrupt()) == 130

    captured = capsys.readouterr()
    assert captured.err == "endcap: stopped; run the same command again to go on from here\n"
