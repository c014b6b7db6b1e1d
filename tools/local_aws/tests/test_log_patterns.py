"""Filter patterns of CloudWatch Logs, with the examples of its user guide."""

import json

import pytest

from tools.local_aws.log_patterns import LONGEST, PatternError, matcher

ERRORS = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
]
TRAIL = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "ThisFlag": True,
}
USERS = {
    "user": {"id": 1, "email": "John.Stiles@example.com"},
    "users": [
        {"id": 2, "email": "John.Doe@example.com"},
        {"id": 3, "email": "Jane.Doe@example.com"},
    ],
    "actions": ["GET", "PUT", "DELETE"],
    "coordinates": [[0, 1, 2], [4, 5, 6]],
}


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("", [0, 1, 2, 3]),
        ("ERROR", [0, 1, 2, 3]),
        ("error", []),
        ("ERROR ARGUMENTS", [2, 3]),
        ("?MISSING ?BAD", [0, 2]),
        ("ERROR -ARGUMENTS", [0, 1]),
        ('"ERROR 420"', [3]),
        ("%AUTHORIZED%", [1]),
        (r"%^\[ERROR 4[0-9]0\]%", [0, 3]),
    ],
)
def test_terms_phrases_and_regular_expressions(pattern: str, matched: list[int]) -> None:
    matches = matcher(pattern)
    assert [n for n, line in enumerate(ERRORS) if matches(line)] == matched


@pytest.mark.parametrize(
    ("regex", "matched", "not_matched"),
    [
        ("^[hc]at", ["hat", "cat"], ["a hat"]),
        ("[hc]at$", ["a hat"], ["cats", "cat\n"]),
        ("colou?r", ["color", "colour"], ["colouur"]),
        ("a{3,5}", ["aaa"], ["aa"]),
        ("gra|ey", ["gray", "grey"], ["groy"]),
        (
            "^starting|^initializing|^shutting down",
            ["starting ...", "shutting down"],
            ["skipping initializing ..."],
        ),
        (r"\[.\]", ["[a]", "[]]", "[ ]"], ["[]", "a"]),
        (r"10\.10\.0\.1", ["10.10.0.1"], ["10010,051"]),
        ("ab*c", ["ac", "abbbc"], ["ab"]),
        ("ab+c", ["abc"], ["ac"]),
        (".at", ["4at", " at"], ["at"]),
        (r"\d", ["1"], ["a"]),
        (r"\x3A", [":"], [";"]),
    ],
)
def test_the_operators_of_regular_expressions(
    regex: str, matched: list[str], not_matched: list[str]
) -> None:
    matches = matcher(f"%{regex}%")
    assert [line for line in (*matched, *not_matched) if matches(line)] == matched


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        ('{ $.eventType = "UpdateTrail" }', TRAIL, True),
        ("{ $.eventType = UpdateTrail }", TRAIL, True),
        ('{ $.eventType = "*Trail" }', TRAIL, True),
        ('{ $.eventType = "Trail*" }', TRAIL, False),
        ("{ $.eventType = %Trail% }", TRAIL, True),
        ("{ $.eventType = %^Trail% }", TRAIL, False),
        ("{ $.sourceIPAddress != 123.123.* }", TRAIL, True),
        ("{ $.sourceIPAddress = 111.111.* }", TRAIL, True),
        ('{ $.arrayKey[0] = "value" }', TRAIL, True),
        ("{ $.objectList[1].id = 2 }", TRAIL, True),
        ("{ $.SomeObject IS NULL }", TRAIL, True),
        ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, True),
        ("{ $.eventType NOT EXISTS }", TRAIL, False),
        ("{ $.ThisFlag IS TRUE }", TRAIL, True),
        ("{ $.ThisFlag IS FALSE }", TRAIL, False),
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', USERS, True),
        (
            '{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }',
            USERS,
            False,
        ),
        (
            '{ $.user.email = "John*" || $.actions[0] = no && $.actions[2] = no }',
            USERS,
            True,
        ),
        (
            '{ ($.user.email = "John*" || $.actions[0] = no) && $.actions[2] = no }',
            USERS,
            False,
        ),
        ("{ $.coordinates[1][2] = 6 }", USERS, True),
        ("{ $.users = 1 }", {"users": [1, 2, 3]}, False),
        ("{ $.users != 1 }", {"users": [1, 2, 3]}, False),
        ("{ $.latency >= 500 }", {"latency": 500}, True),
        ("{ $.numbers[0] < 10e-3 }", {"numbers": [0.02]}, False),
        ("{ $.latency > +1000 }", {"latency": 1000.5}, True),
        ("{ $.errorCode != 500 }", {"errorCode": 400}, True),
        ("{ $.latency > 5 }", {"latency": "high"}, False),
    ],
)
def test_patterns_for_json(pattern: str, event: dict[str, object], expected: bool) -> None:
    assert matcher(pattern)(json.dumps(event)) is expected


@pytest.mark.parametrize(
    "line", ["UpdateTrail", "", "[1]", '{"eventType": "UpdateTrail"} and more']
)
def test_a_pattern_for_json_matches_nothing_else(line: str) -> None:
    assert not matcher("{ $.eventType = %Trail% }")(line)


def test_what_is_quoted_in_a_text_is_no_property() -> None:
    line = json.dumps({"level": "info", "path": '","level":"error","x":"'})
    assert not matcher('{ $.level = "error" }')(line)


@pytest.mark.parametrize(
    "pattern",
    [
        "%something!%",
        "%(a|b)%",
        "%a:b%",
        "%[a%",
        "not-alphanumeric.term",
        "[ip, user, ...]",
        "{ $.level }",
        "{ $.level = error",
        "{ level = error }",
        "{ $.level IS ODD }",
        "{ $.a = %a% || $.b = %b% || $.c = %c% }",
        "x" * (LONGEST + 1),
    ],
)
def test_what_cloudwatch_logs_does_not_take_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        matcher(pattern)
