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


DIGEST = "sha256:" + "0" * 64


def record(**changes):
    whole = {"version": 1, "generation": 1, "digest": DIGEST, "site": "s", "python": "3.11"}
    return json.dumps({**whole, "interpreter": "/p", "layers": {}, **changes}).encode()


FAULTS = {
    "newer": (
        record(version=2),
        "this generation's record has format 2, and this envc reads format 1",
        "manifest.json",
        "use the envc that wrote it, or a newer one",
    ),
    "no JSON": (
        b"{",
        "not a generation's record: it is no JSON",
        "manifest.json",
        "run `envc repair --target DIR`, of the target or overlay that it stands in",
    ),
    "a wrong type": (
        record(generation="1"),
        "not a generation's record: this must be an integer",
        "manifest.json (generation)",
        "run `envc repair --target DIR`, of the target or overlay that it stands in",
    ),
    "no object": (
        b"[]",
        "not a generation's record: the number of its format is missing",
        "manifest.json (version)",
        "run `envc repair --target DIR`, of the target or overlay that it stands in",
    ),
    "an unknown field": (
        record(colour="red"),
        "not a generation's record: this field is unknown",
        "manifest.json (colour)",
        "run `envc repair --target DIR`, of the target or overlay that it stands in",
    ),
    "a field missing": (
        b'{"version": 1}',
        "not a generation's record: this field is missing",
        "manifest.json (generation)",
        "run `envc repair --target DIR`, of the target or overlay that it stands in",
    ),
    "a wrong type further down": (
        record(layers={"user": {"digest": 1}}),
        "not a generation's record: this must be a text",
        "manifest.json (layers.user.digest)",
        "run `envc repair --target DIR`, of the target or overlay that it stands in",
    ),
}


@pytest.mark.parametrize(("text", "what", "where", "mend"), FAULTS.values(), ids=FAULTS)
def test_a_generation_that_is_none(text, what, where, mend):
    with pytest.raises(SpecError) as caught:
        generation_from_json(text, "manifest.json")
    (fault,) = caught.value.faults
    assert fault == (what, where, mend)


def test_a_location_that_is_none():
    with pytest.raises(SpecError) as caught:
        location_from_text(b'version = 1\nsite = "s"\n', "location.toml")
    assert str(caught.value) == (
        "location.toml (target): not a location file: this field is missing\n"
        "  help: materialize again"
    )
    with pytest.raises(SpecError) as caught:
        location_from_text(b'version = 2\nsite = "s"\ntarget = "/t"\n', "location.toml")
    assert str(caught.value) == (
        "location.toml: this location file has format 2, and this envc reads format 1\n"
        "  help: use the envc that wrote it, or a newer one"
    )
    with pytest.raises(SpecError) as caught:
        location_from_text(
            b'version = 1\nsite = "s"\ntarget = "/t"\nkeys = ["k"]\n', "location.toml"
        )
    assert str(caught.value) == (
        "location.toml (keys[0]): not a location file: 'k' is not an OpenSSH public key of kind "
        "ssh-ed25519\n  help: materialize again"
    )


def test_names_of_generations_sort_as_numbers_do():
    assert [generation_name(number) for number in (1, 12, 123456)] == [
        "000001",
        "000012",
        "123456",
    ]
