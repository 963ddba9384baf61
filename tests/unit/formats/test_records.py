"""Records that envc writes for itself: locations and generations."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envc.errors import SpecError
from envc.formats.generation import generation_from_json, generation_to_json
from envc.formats.location import Location, location_from_text, location_to_text
from envc.model.generation import Generation, GenerationLayer, GenerationWheel, generation_name

texts = st.text(max_size=8)
counts = st.integers(0, 1 << 40)
digests = st.sampled_from(["sha256:" + "0" * 64, "sha256:" + "f" * 64])
wheels = st.builds(GenerationWheel, project=texts, version=texts, store_id=texts)
layers = st.builds(
    GenerationLayer,
    digest=digests,
    closure=digests,
    lock=digests,
    distributions=counts,
    files=counts,
    linked=counts,
    copied=counts,
    wheels=st.lists(wheels, max_size=2).map(tuple),
    runtime=texts,
)
generations = st.builds(
    Generation,
    generation=st.integers(1, 999_999),
    digest=digests,
    site=texts,
    python=texts,
    interpreter=texts,
    layers=st.dictionaries(texts, layers, max_size=2),
    specs=st.none() | st.dictionaries(texts, digests, max_size=2),
)
locations = st.builds(
    Location,
    site=texts,
    target=texts,
    storage=st.none() | texts,
    checkout=st.none() | texts,
)
quick = settings(max_examples=100, deadline=None, derandomize=True)


@quick
@given(generations)
def test_a_generation_reads_back(generation):
    text = generation_to_json(generation)
    assert generation_from_json(text, "manifest.json") == generation
    assert generation_to_json(generation_from_json(text, "manifest.json")) == text


@quick
@given(locations)
def test_a_location_reads_back(location):
    assert location_from_text(location_to_text(location), "location.toml") == location


def record(**changes):
    whole = {"version": 1, "generation": 1, "digest": "d", "site": "s", "python": "3.11"}
    return json.dumps({**whole, "interpreter": "/p", "layers": {}, **changes}).encode()


FAULTS = {
    "newer": (
        record(version=2),
        "generation format 2 is not the 1 that this envc reads",
        "use the envc that made it, or a newer one",
    ),
    "no JSON": (
        b"{",
        (
            "not a generation's record: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)"
        ),
        "run `envc repair`",
    ),
    "a wrong type": (
        record(generation="1"),
        "not a generation's record: generation is no int",
        "run `envc repair`",
    ),
    "no object": (b"[]", None, "run `envc repair`"),
    "an unknown field": (record(colour="red"), None, "run `envc repair`"),
    "a field missing": (b'{"version": 1}', None, "run `envc repair`"),
}


@pytest.mark.parametrize(("text", "what", "mend"), FAULTS.values(), ids=FAULTS)
def test_a_generation_that_is_none(text, what, mend):
    with pytest.raises(SpecError) as caught:
        generation_from_json(text, "manifest.json")
    (fault,) = caught.value.faults
    assert (fault.where, fault.mend) == ("manifest.json", mend)
    assert fault.what.startswith(what or "not a generation's record: ")


def test_a_location_that_is_none():
    with pytest.raises(SpecError) as caught:
        location_from_text(b'version = 1\nsite = "s"\n', "location.toml")
    assert str(caught.value) == (
        "location.toml (target): not a location file: it is missing\n  mend: materialize again"
    )
    with pytest.raises(SpecError) as caught:
        location_from_text(b'version = 2\nsite = "s"\ntarget = "/t"\n', "location.toml")
    assert str(caught.value) == (
        "location.toml: location format 2 is not the 1 that this envc reads\n"
        "  mend: use a newer envc"
    )


def test_names_of_generations_sort_as_numbers_do():
    assert [generation_name(number) for number in (1, 12, 123456)] == [
        "000001",
        "000012",
        "123456",
    ]
