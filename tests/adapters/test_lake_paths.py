import pytest

from endcap.adapters.lake_paths import ancestors, checked_path, checked_prefix
from endcap.errors import LakeError


@pytest.mark.parametrize(
    "path", ["a", "champion.json", "clean/1/event_date=2015-05-01", "models/v1.2", "a b/Öl", "_x"]
)
def test_a_relative_posix_path_is_fine(path: str) -> None:
    assert checked_path(path) == path


def test_a_refusal_names_the_path_and_the_reason() -> None:
    with pytest.raises(LakeError, match=r"'\.\./x' is refused: a segment starts with a dot"):
        checked_path("../x")


def test_a_prefix_may_be_empty_or_end_in_a_slash() -> None:
    assert checked_prefix("") == ""
    assert checked_prefix("runs/1/") == checked_prefix("runs/1") == "runs/1"


@pytest.mark.parametrize("prefix", ["/", "//", "runs//", "../", "/runs"])
def test_a_prefix_cannot_leave_the_lake(prefix: str) -> None:
    with pytest.raises(LakeError, match="is refused"):
        checked_prefix(prefix)


def test_ancestors_are_those_inside_the_lake() -> None:
    assert ancestors("a/b/c") == ["a/b", "a"]
    assert ancestors("a") == []
