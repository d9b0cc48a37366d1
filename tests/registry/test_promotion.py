import json

import pytest

from endcap.errors import CorruptArtifactError, NotFoundError, UserInputError
from endcap.registry.promotion import Candidate, Champion, Refusal, promote, refuse, roll_back

FIRST = Candidate("v1", "models/v1", cut_ms=10, run_id="run-1")
SECOND = Candidate("v2", "models/v2", cut_ms=20, run_id="run-2")
BUNDLES = {"v1": FIRST, "v2": SECOND}


def champion(candidate: Candidate = FIRST, current: Champion | None = None) -> Champion:
    return promote(current, candidate, reasons=["not worse"], now_ms=1_000)


def test_the_first_champion_replaces_nobody() -> None:
    record = champion()
    assert (record.version, record.path, record.promoted_from) == ("v1", "models/v1", None)
    assert record.reasons == ("not worse",)


def test_the_next_champion_remembers_whom_it_replaced() -> None:
    assert champion(SECOND, champion()).promoted_from == "v1"


def test_promoting_twice_is_promoting_once() -> None:
    record = champion(SECOND, champion())
    assert promote(record, SECOND, reasons=["again"], now_ms=2_000) is record


def test_records_come_back_from_their_bytes() -> None:
    record = champion(SECOND, champion())
    assert Champion.from_bytes(record.to_bytes()) == record
    refusal = refuse(record, FIRST, reasons=["may be worse"], now_ms=5)
    assert Refusal.from_bytes(refusal.to_bytes()) == refusal


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"{}", b'{"reasons": 1}'])
def test_broken_bytes_are_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptArtifactError):
        Champion.from_bytes(data)
    with pytest.raises(CorruptArtifactError):
        Refusal.from_bytes(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", 5), ("path", None), ("cut_ms", "10"), ("reasons", "abc"), ("promoted_from", [])],
)
def test_a_record_with_a_field_of_another_kind_is_corrupt(field: str, value: object) -> None:
    data = json.dumps({**json.loads(champion().to_bytes()), field: value}).encode()
    with pytest.raises(CorruptArtifactError, match=f"the champion record is not whole: {field} is"):
        Champion.from_bytes(data)


def test_a_refusal_keeps_its_reasons_and_who_stayed() -> None:
    refusal = refuse(champion(), SECOND, reasons=["may be worse"], now_ms=5)
    assert (refusal.version, refusal.champion, refusal.reasons) == ("v2", "v1", ("may be worse",))
    assert refusal.record_path == "refusals/v2-run-2.json"
    assert refuse(None, SECOND, reasons=["worse"], now_ms=5).champion is None


def test_a_refusal_without_a_reason_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        refuse(None, SECOND, reasons=[], now_ms=5)


def test_rolling_back_goes_to_the_one_before() -> None:
    current = champion(SECOND, champion())
    record = roll_back(current, BUNDLES, to_version=None, reason="bad week", now_ms=9)
    assert (record.version, record.path, record.promoted_from) == ("v1", "models/v1", "v2")
    assert record.reasons == ("rolled back: bad week",)
    assert record.promoted_at_ms == 9


def test_a_roll_back_can_be_rolled_back() -> None:
    current = champion(SECOND, champion())
    back = roll_back(current, BUNDLES, to_version=None, reason="bad week", now_ms=9)
    assert roll_back(back, BUNDLES, to_version=None, reason="was fine", now_ms=10).version == "v2"


def test_rolling_back_to_a_named_version() -> None:
    record = roll_back(champion(), BUNDLES, to_version="v2", reason="try", now_ms=9)
    assert record.version == "v2"


def test_rolling_back_without_a_target_is_refused_in_words() -> None:
    with pytest.raises(NotFoundError, match="no champion to roll back from"):
        roll_back(None, BUNDLES, to_version=None, reason="", now_ms=9)
    with pytest.raises(NotFoundError, match="v1 is the first champion"):
        roll_back(champion(), BUNDLES, to_version=None, reason="", now_ms=9)
    with pytest.raises(NotFoundError, match="no model 'v7' in the lake; there are: v1, v2"):
        roll_back(champion(), BUNDLES, to_version="v7", reason="", now_ms=9)
    with pytest.raises(UserInputError, match="v1 is the champion already"):
        roll_back(champion(), BUNDLES, to_version="v1", reason="", now_ms=9)
