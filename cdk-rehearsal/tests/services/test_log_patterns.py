"""Filter patterns of CloudWatch Logs, with examples from its user guide."""

import json

import pytest

from cdk_rehearsal.services.logs.patterns import LONGEST, PatternError, matcher

ERRORS = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
]
EVENT = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "latency": 500.5,
    "SomeObject": None,
    "ThisFlag": True,
    "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3}],
    "actions": ["GET", "PUT", "DELETE"],
    "coordinates": [[0, 1, 2], [4, 5, 6]],
}


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("", [0, 1, 2, 3]),
        ("error", []),
        ("?MISSING ?BAD", [0, 2]),
        ("ERROR -ARGUMENTS", [0, 1]),
        ('"ERROR 420"', [3]),
        (r"%^\[ERROR 4[0-9]0\]%", [0, 3]),
        ("%REQUEST$%", [0, 1]),
    ],
)
def test_terms_phrases_and_regular_expressions(pattern: str, matched: list[int]) -> None:
    matches = matcher(pattern)
    assert [n for n, line in enumerate(ERRORS) if matches(line)] == matched


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ('{ $.eventType = "*Trail" }', True),
        ("{ $.eventType = %^Trail% }", False),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ("{ $.coordinates[1][2] = 6 }", True),
        ("{ $.actions != GET }", False),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.ThisFlag IS FALSE }", False),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.latency > +500 }", True),
        ("{ $.eventType > 5 }", False),
        ('{ ($.latency = 1 && $.users[0].id = 2) || $.actions[2] = "GET" }', False),
        ("{ $.users[0].id = 2 || $.actions[0] = no && $.actions[2] = no }", True),
        ("{ ($.users[0].id = 2 || $.actions[0] = no) && $.actions[2] = no }", False),
    ],
)
def test_patterns_for_json(pattern: str, *, expected: bool) -> None:
    assert matcher(pattern)(json.dumps(EVENT)) is expected


@pytest.mark.parametrize(
    "line",
    [
        "UpdateTrail",
        "[1]",
        '{"eventType": "Trail"} and more',
        '{"x": "\\"eventType\\":\\"Trail\\""}',
    ],
)
def test_a_pattern_for_json_matches_only_a_property_of_an_object(line: str) -> None:
    assert not matcher("{ $.eventType = %Trail% }")(line)


@pytest.mark.parametrize(
    "pattern",
    [
        "%something!%",
        "%[a%",
        "[ip, user, ...]",
        "{ $.level }",
        "{ $.level IS ODD }",
        "{ $.a = %a% || $.b = %b% || $.c = %c% }",
        "x" * (LONGEST + 1),
    ],
)
def test_an_invalid_pattern_is_an_error(pattern: str) -> None:
    with pytest.raises(PatternError):
        matcher(pattern)
