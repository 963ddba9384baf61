"""Sets of nodes: what ClusterShell writes is understood, and what is written it understands."""

import pytest
from ClusterShell.NodeSet import NodeSet

from envc.model.node_sets import MOST_NODES, has_node, names_in, node_set, set_of

SETS = [
    "n1",
    "login",
    "n[1-16]",
    "n[1-16,20],login",
    "n[01-12]",
    "n[098-101]",
    "n[1-3]-ib",
    "n1.cluster,n[2-3].cluster",
    "rack1-n[1-2],rack2-n[1-2]",
    "1,2",
]


@pytest.mark.parametrize("text", SETS)
def test_a_set_has_the_nodes_that_clustershell_finds_in_it(text: str) -> None:
    names = list(map(str, NodeSet(text)))
    assert sorted(names_in(text)) == sorted(names)
    assert all(has_node(text, name) for name in names)
    assert not any(has_node(text, other) for other in ("n0", "n001", "n17", "log", "n[1-16]", "*"))
    again = set_of(names)
    assert NodeSet(again) == NodeSet(text)
    assert set_of(reversed(names_in(again))) == again == node_set(again)


def test_names_that_only_look_alike_stay_apart() -> None:
    names = ["n1", "n01", "n001", "n2", "n02", "n9", "n10", "n09"]
    text = set_of(names)
    assert sorted(names_in(text)) == sorted(names)
    assert all(has_node(text, name) for name in names)
    assert not has_node(text, "n3")


def test_large_sets_are_short_and_endless_ones_are_refused() -> None:
    assert set_of(f"n{number}" for number in range(1, 10_001)) == "n[1-10000]"
    assert has_node("n[1-10000]", "n9999")
    node_set(f"n[1-{MOST_NODES}]")
    for text in (f"n[1-{MOST_NODES}],m", f"n[1-{'9' * 18}]", f"n[1-{'9' * 5000}]"):
        with pytest.raises(ValueError, match=r"."):
            node_set(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 300_000,
        "," * 300_000 + "[",
        "n[" + "1," * 500_000 + "1]",
        "n," * 500_000,
        "n" * 10**6 + "[",
    ],
)
def test_a_long_text_is_refused_in_one_pass(text: str) -> None:
    with pytest.raises(ValueError) as told:  # noqa: PT011 - by any words, but few
        node_set(text)
    assert len(str(told.value)) < 100


def test_all_others_are_nobody_by_name() -> None:
    assert node_set("*") == "*"
    assert (names_in("*"), has_node("*", "n1"), has_node("*", "*")) == ([], False, False)
