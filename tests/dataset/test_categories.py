from hypothesis import given
from hypothesis import strategies as st

from endcap.dataset.categories import TreeFaults, find_faults

NAMES = st.sampled_from("abcdef")


def test_a_sound_tree_has_no_faults() -> None:
    assert find_faults({"a": None, "b": "a", "c": "b"}) == TreeFaults((), (), ())
    assert find_faults({}) == TreeFaults((), (), ())


def test_a_branch_that_leads_into_a_cycle_is_not_on_it() -> None:
    assert find_faults({"a": "b", "b": "c", "c": "b"}).in_cycle == ("b", "c")


@given(parents=st.dictionaries(NAMES, st.none() | NAMES))
def test_a_category_is_on_a_cycle_if_its_parents_lead_back_to_it(
    parents: dict[str, str | None],
) -> None:
    def returns(start: str) -> bool:
        node = parents.get(start)
        for _ in parents:
            if node == start:
                return True
            node = parents.get(node) if node is not None else None
        return False

    faults = find_faults(parents)
    cyclic = {name for name in parents if returns(name)}
    assert {*faults.in_cycle, *faults.own_parent} == cyclic
    assert set(faults.own_parent) == {name for name, parent in parents.items() if name == parent}
