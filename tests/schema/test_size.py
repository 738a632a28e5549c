"""Sizes and the shapes they ask for."""

import pytest

from schema.errors import InvalidRequest
from schema.size import SIZES, shape_of, wished_shape
from schema.video import AspectRatio


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ("1280x720", AspectRatio.WIDE),
        ("854x480", AspectRatio.WIDE),
        ("1080x1920", AspectRatio.TALL),
        ("1024x1024", AspectRatio.SQUARE),
        ("1280x800", None),
        ("1024x768", None),
        ("0x0", None),
        ("1x1", None),
        ("1280X720", None),
        ("1280x720 ", None),
        ("999999x999999", None),
        ("", None),
    ],
)
def test_shapes_of_sizes(size, shape):
    assert shape_of(size) is shape


@pytest.mark.parametrize("shape", SIZES)
def test_the_size_that_stands_for_a_shape_has_it(shape):
    assert shape_of(SIZES[shape]) is shape


@pytest.mark.parametrize(
    ("size", "asked", "shape"),
    [
        (None, None, None),
        ("auto", None, None),
        ("auto", AspectRatio.TALL, AspectRatio.TALL),
        (None, AspectRatio.AUTO, AspectRatio.AUTO),
        ("1280x720", None, AspectRatio.WIDE),
        ("1280x720", AspectRatio.WIDE, AspectRatio.WIDE),
    ],
)
def test_a_shape_is_wished_by_size_by_ratio_or_by_both(size, asked, shape):
    assert wished_shape(size, asked) is shape


@pytest.mark.parametrize(
    ("size", "asked", "code"),
    [
        ("large", None, "invalid_value"),
        ("1280x800", None, "unsupported_size"),
        ("1280x720", AspectRatio.TALL, "conflict"),
        ("1280x720", AspectRatio.AUTO, "conflict"),
    ],
)
def test_a_size_that_says_nothing_or_something_else_is_refused(size, asked, code):
    with pytest.raises(InvalidRequest) as refused:
        wished_shape(size, asked)

    assert [(error.field, error.code) for error in refused.value.errors] == [("size", code)]
