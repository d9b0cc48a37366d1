import pytest

from endcap.errors import UserInputError
from endcap.serving.slates import Slate, SlateItem, SlateRequest


@pytest.mark.parametrize("k", [0, -3])
def test_a_slate_of_no_items_is_refused(k: int) -> None:
    with pytest.raises(UserInputError, match="at least 1"):
        SlateRequest(k=k)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 2.0])
def test_an_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(UserInputError, match="between 0 and 1"):
        SlateRequest(confidence=confidence)


def test_a_slate_lists_its_items_in_order() -> None:
    slate = Slate(tuple(SlateItem(code, 0.0, 0.1, 0.0, 0.2, "als") for code in (5, 2)))
    assert slate.item_codes() == [5, 2]
    assert len(slate) == 2
