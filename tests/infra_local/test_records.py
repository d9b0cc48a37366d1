from infra_local.records import ExecutionResult, StateRecord, summarise


def test_facts_become_one_short_phrase() -> None:
    facts: dict[str, object] = {
        "rows": 12345,
        "share": 0.25,
        "cut_ms": 1,
        "reused": True,
        "name": None,
        "folds": [],
    }

    assert summarise(facts) == "reused, rows 12,345, share 0.25"


def test_warnings_are_spelled_out() -> None:
    facts = {"warnings": ["no_item_properties", "bots"], "folds": ["test"], "rows": 7}

    assert summarise(facts) == "rows 7, note: no item properties, bots"
    assert summarise({"warnings": []}) == ""


def test_no_number_of_facts_hides_a_warning() -> None:
    facts = {**{f"fact_{place}": place for place in range(9)}, "warnings": ["bots"]}

    assert summarise(facts) == "fact 0 0, fact 1 1, fact 2 2, fact 3 3, fact 4 4, note: bots"


def test_what_is_no_mapping_says_nothing() -> None:
    assert summarise([1, 2]) == ""


def test_the_failure_is_the_state_whose_own_work_failed() -> None:
    outer = StateRecord("Train", "failed", 0.0)
    inner = StateRecord("One", "failed", 0.1, parent="Train", error="DatasetError")
    stopped = StateRecord("One", "stopped", 0.1, parent="Train", error="Runtime.ExitError")
    result = ExecutionResult("FAILED", None, "DatasetError", "", (outer, stopped, inner))

    assert result.failure is inner


def test_a_success_has_no_failure() -> None:
    tried = StateRecord("One", "retried", 0.0, error="TransientLakeError")

    assert ExecutionResult("SUCCEEDED", {}, None, None, (tried,)).failure is None
