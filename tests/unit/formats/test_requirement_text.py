"""What a line of a spec may be: the words for what it may not."""

import pytest

from envc.formats.document import requirement_text
from envc.formats.values import FormError


def test_a_requirement_is_as_it_is_written():
    assert requirement_text("a >=1 ; 'x' in os_name") == "a >=1 ; 'x' in os_name"


def test_a_number_without_end_is_refused():
    with pytest.raises(ValueError, match="requirement") as caught:
        requirement_text("a>" + "9" * 4090)
    assert str(caught.value) == f"'a>{'9' * 28}…' is not a requirement: a number without end"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("numpy=>1", "numpy>=1"),
        ("numpy => 1, =<3", "numpy>=1,<=3"),
        ("numpy=1.0", "numpy==1.0"),
        ("numpy>==2,<3", "numpy>=2,<3"),
        ("pandas 2", "pandas==2"),
        ("flask[async] ~> 2.1", "flask[async]~=2.1"),
        ("requests^2.28", "requests>=2.28"),
        ("six=1; python_version < '3'", "six==1; python_version < '3'"),
    ],
)
def test_operators_of_other_habits_are_recognised(text, meant):
    with pytest.raises(FormError) as caught:
        requirement_text(text)
    assert caught.value.flaws[0].mend == f"did you mean {meant!r}? else correct it"


@pytest.mark.parametrize("text", ["six>1.0.*", "scipy==", "not a requirement!", "", ">=1", "a ; b"])
def test_of_what_nobody_can_guess_it_is_said_to_correct_it(text):
    with pytest.raises(FormError) as caught:
        requirement_text(text)
    assert caught.value.flaws[0].mend == "correct it"
