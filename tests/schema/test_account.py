"""A secret shows itself to nobody who does not ask for it by name."""

import msgspec
import pytest

from schema.account import Account, Secret

ACCOUNT = Account(id="a", provider="p", base_url="http://x", credential=Secret("hunter2"))


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(repr(Secret("hunter2")), id="repr"),
        pytest.param(str(Secret("hunter2")), id="str"),
        pytest.param(f"{Secret('hunter2')}", id="format"),
        pytest.param(repr(ACCOUNT), id="inside-an-account"),
        pytest.param(repr([Secret("hunter2")]), id="inside-a-list"),
    ],
)
def test_no_text_form_shows_a_secret(shown):
    assert "hunter2" not in shown


def test_a_secret_can_not_be_encoded_by_accident():
    with pytest.raises(TypeError):
        msgspec.json.encode(ACCOUNT)


def test_a_secret_is_revealed_where_it_is_needed_and_equals_its_like():
    assert Secret("hunter2").reveal() == "hunter2"
    assert Secret("hunter2") == Secret("hunter2") != Secret("hunter3")
    assert len({Secret("hunter2"), Secret("hunter2")}) == 1
