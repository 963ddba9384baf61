"""What a line of a spec may be: the words for what it may not."""

import pytest

from envc.formats.document import requirement_text


def test_a_requirement_is_as_it_is_written():
    assert requirement_text("a >=1 ; 'x' in os_name") == "a >=1 ; 'x' in os_name"


def test_a_number_without_end_is_refused():
    with pytest.raises(ValueError, match="requirement") as caught:
        requirement_text("a>" + "9" * 4090)
    assert str(caught.value) == f"'a>{'9' * 28}…' is not a requirement: a number without end"
