"""Keys are found in the text by their headers and names."""

import pytest

from gateway.config.places import line_of, lines_of, path_of

TEXT = '''\
title = "x"
[server]
listen = "a"
  "quoted" = 1
dotted.inner = 2

[[accounts]]
id = "a"
[accounts.limits]
per_minute = 3
[[accounts]]
id = "b"
limits = { per_minute = 3 }
keys = [
    { env = "A" },
]
[[accounts.deep]]
x = 1
[[accounts.deep]]
x = 2
note = """
[fake]
inside = 1
"""
last = 1
[a . "b.c"]
d = 1
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("title",), 1),
        (("server",), 2),
        (("server", "listen"), 3),
        (("server", "quoted"), 4),
        (("server", "dotted"), 5),
        (("server", "dotted", "inner"), 5),
        (("accounts",), 7),
        (("accounts", 0, "id"), 8),
        (("accounts", 0, "limits"), 9),
        (("accounts", 0, "limits", "per_minute"), 10),
        (("accounts", 1), 11),
        (("accounts", 1, "id"), 12),
        (("accounts", 1, "limits", "per_minute"), 13),
        (("accounts", 1, "keys"), 14),
        (("accounts", 1, "keys", 0, "env"), 15),
        (("accounts", 1, "deep", 0, "x"), 18),
        (("accounts", 1, "deep", 1, "x"), 20),
        (("accounts", 1, "deep", 1, "last"), 25),
        (("a", "b.c", "d"), 27),
        (("fake",), None),
        (("nowhere",), None),
        ((), None),
    ],
)
def test_a_value_stands_at_its_line_or_at_that_of_what_is_around_it(place, line):
    assert line_of(place, lines_of(TEXT)) == line


def test_elements_of_lists_are_called_by_their_ids():
    raw = {"accounts": [{"id": "veo"}, {"id": 3}, 4], "order": ["x"]}

    assert path_of(("accounts", 0, "plan"), raw) == "accounts.veo.plan"
    assert path_of(("accounts", 1, "plan"), raw) == "accounts[1].plan"
    assert path_of(("accounts", 7), raw) == "accounts[7]"
    assert path_of(("order", 0), raw) == "order[0]"
    assert path_of((), raw) == ""


LISTS = '''\
one = ["a", "b"]
keys = [  # not [this]
    { env = "A", scopes = ["x", "y"] },
    "]", { env = "B" },

    # nor this, or that ]
    [1, 2], 3
    , 4,
]
two = [[1,
 2], [3]]
text = ["""
 ] , """, "b",
 "c"]
last = 1
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("one", 1), 1),
        (("keys", 0, "scopes", 1), 3),
        (("keys", 1), 4),
        (("keys", 2, "env"), 4),
        (("keys", 3, 0), 7),
        (("keys", 4), 7),
        (("keys", 5), 8),
        (("two", 0, 1), 10),
        (("two", 1), 11),
        (("text", 1), 13),
        (("text", 2), 14),
        (("last",), 15),
    ],
)
def test_an_element_of_a_list_stands_at_the_line_it_begins_on(place, line):
    assert line_of(place, lines_of(LISTS)) == line
