"""What a hook may do, and when it says what another has said."""

import pytest
from msgspec.structs import replace

from gateway.policy.hearing import hint, meaning
from gateway.policy.hook_secrets import MOST_FORMER, renewed
from providers.base import Phase, Update
from schema.account import Account, FormerSecret, Secret
from tests.store.rows import an_attempt

NEWS = Update(ref="gen", phase=Phase.SUCCEEDED, credits=150)


@pytest.mark.parametrize(("known", "believed"), [(None, 150), (150, 150), (200, 150), (149, None)])
def test_a_hook_makes_no_attempt_dearer_than_was_said(known, believed):
    assert hint(NEWS, replace(an_attempt(), credits=known)).credits == believed


@pytest.mark.parametrize(
    ("update", "usable", "said"),
    [
        (NEWS, True, "succeeded"),
        (NEWS, False, None),
        (replace(NEWS, phase=Phase.FAILED), False, "failed"),
        (replace(NEWS, phase=Phase.RUNNING, progress=40), False, "running 40"),
        (replace(NEWS, phase=Phase.QUEUED), False, "queued 0"),
    ],
)
def test_what_is_said_is_the_phase_and_how_far_it_is_whatever_else_stands_there(update, usable, said):
    assert meaning(update, usable=usable) == said
    assert meaning(replace(update, credits=1, failure="other words", seconds_left=3), usable=usable) == said


ACCOUNT = Account(
    id="a",
    provider="p",
    base_url="https://p.example",
    credential=Secret("c"),
    webhook_secrets=(Secret("one"), Secret("two")),
    former_secrets=(FormerSecret(Secret("nearly over"), 1_100), FormerSecret(Secret("over"), 1_000)),
)


def test_secrets_that_are_replaced_end_with_the_overlap_and_none_ends_later_than_it_was_to():
    after = renewed(ACCOUNT, (Secret("new"), Secret("two")), 500, 1_000)

    assert after.former_secrets == (FormerSecret(Secret("one"), 1_500), FormerSecret(Secret("nearly over"), 1_100))
    assert after.hook_secrets(1_099) == tuple(map(Secret, ("new", "two", "one", "nearly over")))
    assert after.hook_secrets(1_100) == tuple(map(Secret, ("new", "two", "one")))
    assert after.hook_secrets(1_500) == tuple(map(Secret, ("new", "two")))


@pytest.mark.parametrize(("listed", "overlap"), [((Secret("new"),), 0), ((), 500)])
def test_without_an_overlap_and_without_a_list_nothing_former_is_believed(listed, overlap):
    assert renewed(ACCOUNT, listed, overlap, 1_000).hook_secrets(1_000) == listed


def test_of_many_that_were_replaced_the_newest_are_kept():
    account = ACCOUNT
    for number in range(20):
        account = renewed(account, (Secret(f"s{number}"),), 500, 1_000)

    assert len(account.former_secrets) == MOST_FORMER
    assert account.former_secrets[0].secret == Secret("s18")
