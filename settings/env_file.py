"""The `.env` file: which keys it has, with which text, on which line."""

import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from .credentials import may_be_credential, shown_name
from .keys import ALL_KEYS
from .problems import Problem, SettingsError, UnfitError
from .text_file import read_text

_PEM_BLOCK = re.compile(r"^[ \t]*-----BEGIN", re.MULTILINE)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_KEY_OF_A_LINE = re.compile(r"\s*(?:export\s+)?([a-z_]+)\s*(?:=|$)")


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The file as written: nothing is expanded, and nothing is taken from the shell.

    `spoiled` are keys that the file does name, but in a way that leaves their value in doubt;
    each is among the `problems` already, so nothing more is to be said about it.
    """

    path: Path
    texts: dict[str, str]
    lines: dict[str, int]
    spoiled: frozenset[str]
    problems: tuple[Problem, ...]


def read_env_file(path: Path) -> EnvFile:
    """Read the file, or raise `SettingsError` if it cannot be read as a whole."""
    try:
        text = read_text(path)
    except FileNotFoundError:
        hint = "there is no such file; copy the sample and fill it in"
        if shown_name(str(path)) == str(path):
            hint += f":\n  cp sample.env {shlex.quote(str(path))}"
        raise SettingsError(path, [Problem("", hint)]) from None
    except UnfitError as unfit:
        raise SettingsError(path, [Problem("", str(unfit))]) from None
    if pasted := _PEM_BLOCK.search(text):
        # Its lines can pass for keys, so nothing more is said of such a file.
        line = text.count("\n", 0, pasted.end()) + 1
        raise SettingsError(path, [Problem(f"line {line}", _NO_PLACE_FOR_IT, line=line)])

    texts: dict[str, str] = {}
    lines: dict[str, int] = {}
    spoiled: set[str] = set()
    problems: list[Problem] = []
    # parse_stream knows neither os.environ nor ${VAR}, unlike the functions built upon it.
    for binding in parse_stream(io.StringIO(text)):
        line = _line(binding)
        if not _is_readable(binding):
            damaged = tuple(_known_keys_within(binding))
            what = f"{damaged[0]} cannot be read" if damaged else "cannot be read"
            problems.append(Problem(f"line {line}", f"{what}; {_EXPECTED}", line=line))
            spoiled.update(damaged)
        elif binding.key is None or binding.value is None:
            continue  # a comment, or the end of the file
        elif binding.key in lines:
            again = f"given twice, on lines {lines[binding.key]} and {line}; keep one"
            problems.append(Problem(binding.key, again, line=line))
            spoiled.add(binding.key)
        else:
            lines[binding.key] = line
            texts[binding.key] = binding.value.strip()
    for key in spoiled:
        texts.pop(key, None)
    return EnvFile(path, texts, lines, frozenset(spoiled), tuple(problems))


_NO_PLACE_FOR_IT = (
    "begins a key or certificate; expected it in Secrets Manager, and its ARN in container_secrets"
)
_EXPECTED = 'expected key="value", with both quotes'


def _is_readable(binding: Binding) -> bool:
    if binding.error:
        return False
    if binding.key is None:
        return True
    # A quote that is not closed takes the following lines, and their keys, into the value.
    is_one_line = len(binding.original.string.strip().splitlines()) == 1
    # A secret pasted on lines of its own looks like keys, which a report would repeat.
    is_key = _KEY.fullmatch(binding.key) is not None and not may_be_credential(binding.key)
    return is_one_line and is_key and binding.value is not None


def _line(binding: Binding) -> int:
    # The parser counts the blank lines before a binding as part of it.
    text = binding.original.string
    blank = text[: len(text) - len(text.lstrip())]
    return binding.original.line + len(re.findall(r"\r\n|\n|\r", blank))


def _known_keys_within(binding: Binding) -> Iterator[str]:
    for line in binding.original.string.splitlines():
        match = _KEY_OF_A_LINE.match(line)
        if match is not None and match[1] in ALL_KEYS:
            yield match[1]
