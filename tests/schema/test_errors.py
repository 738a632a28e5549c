"""One flat tree of errors: every leaf has its own code, and the tree in the docstring is the tree."""

import re
from itertools import pairwise

import pytest

from schema import errors
from schema.errors import FailureKind, FieldError, GatewayError, InvalidRequest, ProviderFailure


def descendants(of: type[GatewayError]) -> list[type[GatewayError]]:
    return [found for child in of.__subclasses__() for found in (child, *descendants(child))]


TREE = [error for error in descendants(GatewayError) if error.__module__ == errors.__name__]
KINDS = {
    *("invalid_request_error", "authentication_error", "permission_error", "not_found_error"),
    *("rate_limit_error", "insufficient_quota", "idempotency_error", "server_error"),
}


@pytest.mark.parametrize("error", TREE, ids=lambda error: error.__name__)
def test_every_error_says_itself_what_a_caller_may_rely_on(error):
    assert re.fullmatch(r"[a-z][a-z_]+", error.code)
    assert 400 <= error.status < 600
    assert error.title
    assert not error.title.endswith(".")
    assert error.kind in KINDS
    assert {"code", "status", "title"} <= set(vars(error))


@pytest.mark.parametrize("told", ["code", "title"])
def test_no_two_errors_share_a(told):
    values = [getattr(error, told) for error in (GatewayError, *TREE)]

    assert len(set(values)) == len(values)


@pytest.mark.parametrize("error", TREE, ids=lambda error: error.__name__)
def test_only_what_sending_again_can_cure_is_not_permanent(error):
    assert error.permanent == (error.status not in {408, 429, 503})


def test_the_tree_in_the_docstring_lists_every_error_with_its_status():
    listed = dict(re.findall(r"x (\w+) +([\d /]+\d)", errors.__doc__ or ""))

    assert set(listed) == {error.__name__ for error in TREE}
    for error in TREE:
        assert str(error.status) in listed[error.__name__].split(" / ")


def test_an_error_without_details_speaks_by_its_title():
    assert str(errors.NotFound()) == errors.NotFound.title
    assert errors.NotFound().detail == errors.NotFound.title
    assert str(errors.NotFound("No video has this id.")) == "No video has this id."


def test_a_wrong_field_is_named_in_the_message_and_in_the_errors():
    refused = InvalidRequest.field("seconds", "out_of_range", "must be 5 to 10")

    assert str(refused) == "seconds: must be 5 to 10"
    assert refused.errors == (FieldError("seconds", "out_of_range", "must be 5 to 10"),)


def test_a_named_field_keeps_the_class_it_was_raised_as():
    assert type(errors.MalformedRequest.field("body", "not_json", "is not JSON")) is errors.MalformedRequest


def test_a_provider_s_failure_is_cut_short_and_says_its_kind_first():
    failure = ProviderFailure(FailureKind.BUSY, "x" * 10_000)

    assert len(failure.detail) == 500
    assert str(failure).startswith("busy: x")
    assert str(ProviderFailure(FailureKind.LOST)) == "lost"


def test_no_two_failure_kinds_share_a_word():
    words = sorted(kind.value for kind in FailureKind)

    assert all(one != other for one, other in pairwise(words))
