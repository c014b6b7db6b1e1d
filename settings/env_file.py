"""Reading files in the form of python-dotenv: the settings, and variables of the container.

This module knows the names of the keys, and nothing of what they mean.
"""

import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from .container import VARIABLE_NAME, objection_to
from .model import ALL_KEYS
from .redaction import shown_name
from .report import InvalidValueError, Problem, SettingsError

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_KEY_OF_A_LINE = re.compile(r"\s*(?:export\s+)?([a-z_]+)\s*(?:=|$)")
_EXPECTED = 'expected key="value", with both quotes'


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The file as the user wrote it: nothing is expanded, and nothing comes from the shell.

    ``reported`` are keys whose value the file does not say clearly. Each is among the ``problems``,
    so later checks say no more about it.
    """

    path: Path
    texts: dict[str, str]
    lines: dict[str, int]
    reported: frozenset[str]
    problems: tuple[Problem, ...]


def read_env_file(path: Path) -> EnvFile:
    """Read the file, or raise ``SettingsError`` if it cannot be read as a whole."""
    hint = "there is no such file; make init writes it, or copy the sample and fill it in"
    if shown_name(str(path)) == str(path):
        hint += f":\n  cp sample.env {shlex.quote(str(path))}"
    try:
        text = read_text(path, if_missing=hint)
    except InvalidValueError as error:
        raise SettingsError({path: [Problem("", str(error))]}) from None

    texts: dict[str, str] = {}
    lines: dict[str, int] = {}
    reported: set[str] = set()
    problems: list[Problem] = []
    # Unlike dotenv_values, parse_stream expands no ${VAR} and reads no os.environ.
    for binding in parse_stream(io.StringIO(text)):
        line = _line(binding)
        if not _is_readable(binding):
            damaged = tuple(_known_keys_within(binding))
            what = f"{damaged[0]} cannot be read" if damaged else "cannot be read"
            problems.append(Problem(f"line {line}", f"{what}; {_EXPECTED}", line=line))
            reported.update(damaged)
        elif binding.key is None or binding.value is None:
            continue  # a comment, or the end of the file
        elif binding.key in lines:
            again = f"appears twice, on lines {lines[binding.key]} and {line}; keep one"
            # An unknown key may be a pasted secret.
            key = binding.key if binding.key in ALL_KEYS else f"line {line}"
            problems.append(Problem(key, again, line=line))
            reported.add(binding.key)
        else:
            lines[binding.key] = line
            texts[binding.key] = binding.value.strip()
    for key in reported:
        texts.pop(key, None)
    return EnvFile(path, texts, lines, frozenset(reported), tuple(problems))


def read_container_environment(path: Path) -> tuple[dict[str, str], list[Problem]]:
    """Return the container's variables in the file, and everything that is wrong with the file.

    A value may have commas, quotes and several lines.
    """
    hint = "there is no such file; correct container_environment_file"
    try:
        text = read_text(path, if_missing=hint)
    except InvalidValueError as error:
        return {}, [Problem("", str(error))]
    variables: dict[str, str] = {}
    problems: list[Problem] = []
    for binding in parse_stream(io.StringIO(text)):
        name, value, line = binding.key or "", binding.value, _line(binding)
        if not name and not binding.error:
            continue  # a comment, or the end of the file
        if value is None or not VARIABLE_NAME.fullmatch(name):
            # The line may be a pasted secret, so the report does not repeat it.
            problems.append(Problem(f"line {line}", "cannot be read; expected NAME=value"))
        elif name in variables:
            problems.append(Problem(name, f"appears twice, again on line {line}; keep one"))
        else:
            variables[name] = value
            objection = objection_to(name, value)
            problems += [Problem(name, objection)] if objection else []
    return variables, problems


def _is_readable(binding: Binding) -> bool:
    if binding.error:
        return False
    if binding.key is None:
        return True
    # A quote that is not closed takes the following lines, and their keys, into the value. And a
    # line of other text, such as a pasted secret, is no key: the report must not repeat it.
    is_one_line = len(binding.original.string.strip().splitlines()) == 1
    return is_one_line and bool(_KEY.fullmatch(binding.key)) and binding.value is not None


def _line(binding: Binding) -> int:
    # The parser counts the blank lines before a binding as part of it.
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _known_keys_within(binding: Binding) -> Iterator[str]:
    for line in binding.original.string.splitlines():
        match = _KEY_OF_A_LINE.match(line)
        if match is not None and match[1] in ALL_KEYS:
            yield match[1]


def read_text(path: Path, *, if_missing: str) -> str:
    """Return the text of the file, without a byte order mark.

    Raises ``InvalidValueError`` if it cannot be read, with the message ``if_missing`` if there is
    no such file.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidValueError(if_missing) from None
    except UnicodeDecodeError:
        raise InvalidValueError("the file cannot be read: it is not UTF-8 text") from None
    except OSError as error:
        raise InvalidValueError(f"the file cannot be read: {error.strerror}") from None
    except ValueError as error:  # a name that no file can have
        raise InvalidValueError(f"the file cannot be read: {error}") from None
