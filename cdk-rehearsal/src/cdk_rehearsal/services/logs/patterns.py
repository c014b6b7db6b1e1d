"""Filter patterns of CloudWatch Logs: terms, regular expressions and JSON patterns.

They follow the user guide: "Filter pattern syntax for metric filters, subscription filters, filter
log events, and Live Tail" and the pages below it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
Patterns for space-delimited lines are not supported.
"""

import json
import operator
import re
from collections.abc import Callable
from typing import Any, TypeAlias

Matcher: TypeAlias = Callable[[str], bool]
"""Says whether a log line matches."""

LONGEST = 1024

_REGEX = re.compile(r"%(?P<regex>[A-Za-z0-9_#=@/;,\s\-^$?\[\]{}|\\*+.]+)%")
_TERM = re.compile(r'\s*(?P<sign>[?-]?)(?:"(?P<phrase>[^"]*)"|(?P<word>\w+))(?=\s|$)')
_TOKEN = re.compile(
    r"""\s*(?: (?P<selector>\$(?:\.[\w-]+|\[\d+\])+)
             | (?P<operator>\|\||&&|!=|<=|>=|[(){}=<>])
             | %(?P<regex>[A-Za-z0-9_\#=@/;,\s\-^$?\[\]{}|\\*+.]+)%
             | "(?P<quoted>[^"]*)"
             | (?P<word>[\w.:*+-]+) )""",
    re.VERBOSE | re.ASCII,
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$")
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ABSENT = object()


class PatternError(ValueError):
    """The pattern is invalid, or of a kind that the local AWS does not support."""


def matcher(pattern: str) -> Matcher:
    """Return a function that matches lines with a pattern; ``PatternError`` if it is invalid."""
    text = pattern.strip()
    if len(pattern) > LONGEST:
        raise PatternError(f"a pattern has at most {LONGEST} characters, not {len(pattern)}")
    if text.startswith("["):
        raise PatternError("the local AWS does not support patterns for space-delimited lines")
    if text.startswith("{"):
        return _JsonPattern(text).matcher()
    if text.startswith("%"):
        if not (whole := _REGEX.fullmatch(text)):
            raise PatternError(f"a regular expression with unsupported characters: {text}")
        return _searching(whole["regex"])
    return _terms(text)


def _searching(regex: str) -> Matcher:
    try:
        # `$` matches only the end of the line, not the place before a final newline.
        compiled = re.compile(re.sub(r"(?<!\\)\$", r"\\Z", regex), re.ASCII)
    except re.error as error:
        raise PatternError(f"not a regular expression: {regex}: {error}") from error
    return lambda line: compiled.search(line) is not None


def _terms(text: str) -> Matcher:
    """Match all terms, none with a minus, and one of those with a question mark, if any."""
    signed: dict[str, list[str]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if not term:
            raise PatternError(f"a term with other characters than letters needs quotes: {text}")
        signed[term["sign"]].append(term["phrase"] if term["word"] is None else term["word"])
        position = term.end()
    return lambda line: (
        all(term in line for term in signed[""])
        and not any(term in line for term in signed["-"])
        and (not signed["?"] or any(term in line for term in signed["?"]))
    )


class _JsonPattern:
    """A pattern `{ ... }`, in which ``&&`` binds stronger than ``||``."""

    _MOST_REGEXES = 2

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text):
            token = _TOKEN.match(text, position)
            if not token or not token.lastgroup:
                raise self._error()
            self._tokens.append((token.lastgroup, token[token.lastgroup]))
            position = token.end()
        if sum(kind == "regex" for kind, _ in self._tokens) > self._MOST_REGEXES:
            raise PatternError(f"a pattern has at most two regular expressions: {text}")
        self._tokens.reverse()

    def matcher(self) -> Matcher:
        """Return the matcher, which matches only lines that are one JSON object."""
        self._expect("{")
        matches = self._any()
        self._expect("}")
        if self._tokens:
            raise self._error()

        def matches_line(line: str) -> bool:
            try:
                event = json.loads(line)
            except ValueError:
                return False
            return isinstance(event, dict) and matches(event)

        return matches_line

    def _any(self) -> Callable[[Any], bool]:
        choices = [self._all()]
        while self._next_is("||"):
            choices.append(self._all())
        return lambda event: any(choice(event) for choice in choices)

    def _all(self) -> Callable[[Any], bool]:
        parts = [self._condition()]
        while self._next_is("&&"):
            parts.append(self._condition())
        return lambda event: all(part(event) for part in parts)

    def _condition(self) -> Callable[[Any], bool]:
        if self._next_is("("):
            inner = self._any()
            self._expect(")")
            return inner
        selector = self._take("selector")
        kind, what = self._pop()
        if (kind, what) == ("word", "IS"):
            wanted = {"NULL": None, "TRUE": True, "FALSE": False}.get(self._take("word"), _ABSENT)
            if wanted is _ABSENT:
                raise self._error()
            return lambda event: _at(selector, event) is wanted
        if (kind, what) == ("word", "NOT") and self._take("word") == "EXISTS":
            return lambda event: _at(selector, event) is _ABSENT
        if kind != "operator":
            raise self._error()
        return self._comparison(selector, what)

    def _comparison(self, selector: str, sign: str) -> Callable[[Any], bool]:
        kind, value = self._pop()
        if sign in _COMPARISONS:
            if not _NUMBER.match(value):
                raise self._error()
            compare, limit = _COMPARISONS[sign], float(value)
            return lambda event: (
                _is_number(_at(selector, event)) and compare(float(_at(selector, event)), limit)
            )
        if sign not in ("=", "!=") or kind not in ("regex", "quoted", "word"):
            raise self._error()
        equal = _searching(value) if kind == "regex" else _equal_to(value, bare=kind == "word")

        def holds(event: Any) -> bool:
            found = _at(selector, event)
            # Neither = nor != matches anything but a string or a number.
            if not isinstance(found, str) and not _is_number(found):
                return False
            same = equal(found) if isinstance(found, str) else equal(json.dumps(found))
            return same is (sign == "=")

        return holds

    def _pop(self) -> tuple[str, str]:
        if not self._tokens:
            raise self._error()
        return self._tokens.pop()

    def _take(self, kind: str) -> str:
        found, value = self._pop()
        if found != kind:
            raise self._error()
        return value

    def _next_is(self, sign: str) -> bool:
        if self._tokens and self._tokens[-1] == ("operator", sign):
            self._tokens.pop()
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._next_is(sign):
            raise self._error()

    def _error(self) -> PatternError:
        return PatternError(f"not a JSON pattern: {self._text}")


def _equal_to(value: str, *, bare: bool) -> Matcher:
    """Compare with a value, which may have a wildcard `*` at its beginning or end."""
    if bare and _NUMBER.match(value):
        return lambda found: bool(_NUMBER.match(found)) and float(found) == float(value)
    middle = value.removeprefix("*").removesuffix("*")
    regex = f"{'.*' if value.startswith('*') else ''}{re.escape(middle)}"
    regex += ".*" if value.endswith("*") else ""
    return lambda found: re.fullmatch(regex, found, re.DOTALL) is not None


def _at(selector: str, event: Any) -> Any:
    """Return the value at a selector such as ``$.users[0].id``, or `_ABSENT`."""
    for name, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", selector):
        if name and isinstance(event, dict) and name in event:
            event = event[name]
        elif index and isinstance(event, list) and int(index) < len(event):
            event = event[int(index)]
        else:
            return _ABSENT
    return event


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
