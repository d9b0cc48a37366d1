import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from infra_local.records import StateEvent
from tests.infra_local.machines import CATCH, FAILED, RETRY, function, job, machine, run


def test_a_function_gets_its_event_and_the_lake_and_its_answer_is_the_output(
    tmp_path: Path,
) -> None:
    toy = machine(Echo=function({"do": "echo", "x.$": "$.x", "run.$": "$$.Execution.Name"}))

    result = run(toy, tmp_path, {"x": 4})

    assert (result.status, result.error) == ("SUCCEEDED", None)
    lake = str(tmp_path / "lake")
    assert result.output == {"do": "echo", "x": 4, "run": "run-1", "lake": lake}
    (record,) = result.states
    assert (record.name, record.status, record.memory_limit_mib) == ("Echo", "succeeded", 512)
    assert "doing echo as function" in (tmp_path / "logs" / "Echo-1.log").read_text()


def test_a_worker_gets_the_environment_of_the_stack_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL_HABIT", "1")
    profiles = tmp_path / "profiles"
    profiles.write_text("[profile shop]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profiles))
    monkeypatch.setenv("AWS_PROFILE", "shop")
    monkeypatch.setenv("ENDCAP_LOG_LEVEL", "DEBUG")

    output = run(machine(Look=function({"do": "environment"})), tmp_path).output

    assert "SHELL_HABIT" not in output
    assert output["AWS_PROFILE"] == "shop"
    assert output["ENDCAP_LOG_LEVEL"] == "DEBUG"
    assert output["PYTHONHASHSEED"] == "0"
    assert "FOOBARKEY" not in output.values()


def test_a_transient_error_is_retried_and_the_attempts_are_recorded(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    flaky = function({"do": "flaky", "marks": str(marks), "failures": 1}, Retry=RETRY)
    events: list[StateEvent] = []

    result = run(machine(Flaky=flaky), tmp_path, on_event=events.append)

    assert result.output == {"failures": 1}
    first, second = result.states
    assert (first.status, first.error, first.attempt) == ("retried", "TransientLakeError", 1)
    assert (second.status, second.attempt) == ("succeeded", 2)
    kinds = [event.kind for event in events]
    assert kinds == ["entered", "failed", "retried", "entered", "succeeded"]
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [
        "Flaky-1.log",
        "Flaky-2.log",
    ]


def test_a_permanent_error_is_not_retried_and_names_the_failure(tmp_path: Path) -> None:
    refuse = function({"do": "refuse"}, Retry=RETRY, Catch=CATCH)

    result = run(machine(Refuse=refuse, Failed=FAILED), tmp_path)

    assert (result.status, result.error) == ("FAILED", "DatasetError")
    cause = json.loads(result.cause or "")
    assert cause["errorMessage"] == "the log has no column 'timestamp'"
    assert "function.py" in cause["stackTrace"][-1]
    assert result.failure is not None
    assert result.failure.message == "the log has no column 'timestamp'"


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        ("exit", "Runtime.ExitError", "Runtime exited with error: exit status 7"),
        ("die", "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        ("unprintable", "Runtime.MarshalError", "Unable to marshal response"),
    ],
)
def test_a_function_that_breaks_fails_as_on_aws(
    tmp_path: Path, do: str, error: str, message: str
) -> None:
    result = run(machine(Break=function({"do": do})), tmp_path)

    assert (result.status, result.error) == ("FAILED", error)
    assert message in (result.cause or "")


def test_a_function_past_its_time_is_killed_and_times_out(tmp_path: Path) -> None:
    marks = str(tmp_path)
    slow = function({"do": "sleep", "marks": marks}, "HurriedFunctionArn")

    result = run(machine(Slow=slow), tmp_path)

    assert result.error == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in (result.cause or "")
    assert _gone(_worker_ids(tmp_path))


def test_a_state_past_its_own_timeout_fails_and_its_worker_is_stopped(tmp_path: Path) -> None:
    slow = job({"TOY_DO": "sleep"}, TimeoutSeconds=1)

    result = run(machine(Slow=slow), tmp_path)

    assert (result.status, result.error) == ("FAILED", "States.Timeout")
    assert [(record.status, record.error) for record in result.states] == [
        ("failed", "States.Timeout")
    ]
    assert _gone(_worker_ids(tmp_path / "lake"))


def test_a_container_gets_the_overrides_and_its_description_is_the_output(tmp_path: Path) -> None:
    work = job({"TOY_DO": "work", "TOY_ITEM.$": "$$.Execution.Name"})

    result = run(machine(Work=work), tmp_path)

    assert result.status == "SUCCEEDED"
    assert result.output["Containers"] == [{"Name": "toy", "ExitCode": 0, "LastStatus": "STOPPED"}]
    assert result.states[0].detail == "rows 3, item run-1"


def test_a_container_with_a_bad_exit_code_fails_its_state(tmp_path: Path) -> None:
    fail = job({"TOY_DO": "fail"}, Retry=RETRY, Catch=CATCH)

    result = run(machine(Fail=fail, Failed=FAILED), tmp_path)

    assert (result.status, result.error) == ("FAILED", "States.TaskFailed")
    assert json.loads(result.cause or "")["Containers"][0]["ExitCode"] == 3
    assert result.failure is not None
    assert (result.failure.error, result.failure.message) == ("DatasetError", "no rows")


def test_a_container_past_its_time_is_stopped(tmp_path: Path) -> None:
    result = run(machine(Slow=job({"TOY_DO": "sleep"}, "HurriedJobArn")), tmp_path)

    assert result.error == "States.TaskFailed"
    assert "Task stopped after 1 seconds" in (result.cause or "")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_map_runs_every_item_and_never_more_at_once_than_there_are_slots(
    tmp_path: Path, threads: int
) -> None:
    each = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"run_id": "run-1", "item.$": "$$.Map.Item.Value"},
        "ItemProcessor": {
            "StartAt": "One",
            "States": {"One": job({"TOY_DO": "overlap", "TOY_ITEM.$": "$.item"})},
        },
        "End": True,
    }
    events: list[StateEvent] = []

    result = run(
        machine(Each=each),
        tmp_path,
        {"items": ["a", "b", "c"]},
        threads=threads,
        on_event=events.append,
    )

    assert result.status == "SUCCEEDED"
    spans = sorted(
        tuple(map(float, file.read_text().split())) for file in (tmp_path / "lake").iterdir()
    )
    overlaps = sum(later[0] < earlier[1] for earlier, later in pairwise(spans))
    assert overlaps == 0 if threads == 1 else overlaps >= 1
    inner = [record for record in result.states if record.name == "One"]
    assert sorted(record.item or "" for record in inner) == ["a", "b", "c"]
    assert {record.parent for record in inner} == {"Each"}
    progress = [(event.done, event.total) for event in events if event.kind == "progress"]
    assert progress == [(1, 3), (2, 3), (3, 3)]


def test_a_failing_branch_calls_off_the_others(tmp_path: Path) -> None:
    both = {
        "Type": "Parallel",
        "Branches": [
            {
                "StartAt": "Bad",
                "States": {"Bad": function({"do": "refuse once another runs"})},
            },
            {"StartAt": "Slow", "States": {"Slow": job({"TOY_DO": "sleep"})}},
        ],
        "Catch": CATCH,
        "End": True,
    }

    result = run(machine(Both=both, Failed=FAILED), tmp_path)

    # The other branch would sleep for a minute, and have succeeded then.
    assert (result.status, result.error) == ("FAILED", "DatasetError")
    statuses = {record.name: record.status for record in result.states}
    assert statuses == {"Both": "failed", "Bad": "failed", "Slow": "stopped"}
    assert _gone(_worker_ids(tmp_path / "lake"))


def test_a_bad_exit_code_inside_a_map_reaches_the_catch_around_it(tmp_path: Path) -> None:
    each = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": "One", "States": {"One": job({"TOY_DO": "fail"})}},
        "Catch": CATCH,
        "End": True,
    }

    result = run(machine(Each=each, Failed=FAILED), tmp_path, {"items": [1]})

    assert (result.status, result.error) == ("FAILED", "States.TaskFailed")
    assert result.failure is not None
    assert (result.failure.name, result.failure.error) == ("One", "DatasetError")


def test_a_choice_goes_where_the_answer_says(tmp_path: Path) -> None:
    ask = function({"do": "echo", "promote.$": "$.promote"}, Next="Decide")
    decide = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.promote", "BooleanEquals": True, "Next": "Yes"}],
        "Default": "No",
    }
    ends = {name: {"Type": "Pass", "Result": name, "End": True} for name in ("Yes", "No")}
    toy = machine(Ask=ask, Decide=decide, **ends)

    assert run(toy, tmp_path / "a", {"promote": True}).output == "Yes"
    assert run(toy, tmp_path / "b", {"promote": False}).output == "No"


def test_peak_memory_is_the_workers_own(tmp_path: Path) -> None:
    small, large = (
        run(machine(Work=function({"do": do})), tmp_path / do).states[0].peak_memory_mib
        for do in ("echo", "allocate")
    )

    assert small < 100
    assert 300 < large < 450


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_when_this_process_is_ended(tmp_path: Path, how: signal.Signals) -> None:
    lake = tmp_path / "lake"
    script = (
        "from pathlib import Path\n"
        "import signal\n"
        "from tests.infra_local.machines import *\n"
        # A shell that starts the tests behind its back has them ignore Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "branch = lambda name, state: {'StartAt': name, 'States': {name: state}}\n"
        f"slow = function({{'do': 'sleep', 'marks': {str(lake)!r}}})\n"
        "branches = [branch('A', slow), branch('B', job({'TOY_DO': 'sleep'}))]\n"
        "both = {'Type': 'Parallel', 'Branches': branches, 'End': True}\n"
        f"run(machine(Both=both), Path({str(tmp_path)!r}))\n"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_until(lambda: lake.exists() and len(list(lake.iterdir())) == 2)
        workers = _worker_ids(lake)
        assert not _gone(workers, within=0)
    finally:
        parent.send_signal(how)
        _, noise = parent.communicate(timeout=20)

    assert _gone(workers)
    assert parent.returncode == -how
    assert noise == "" or noise.splitlines()[-1] == "KeyboardInterrupt"


def _worker_ids(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def _gone(process_ids: list[int], within: float = 5.0) -> bool:
    assert process_ids
    deadline = time.monotonic() + within
    while any(_alive(process_id) for process_id in process_ids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process_id}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def _wait_until(holds: "object") -> None:
    assert callable(holds)
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
