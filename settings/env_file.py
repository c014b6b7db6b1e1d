"""Reading the `.env` file: which keys it has, with which text, on which line.

Nothing is known here of what the keys mean, but for their names.
"""

import io
import re
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from .model import ALL_KEYS
from .redaction import may_be_credential, shown_name
from .report import InvalidValueError, Problem, SettingsError

# Far beyond any real settings or outputs file, and small enough to be parsed in no time.
_MOST_BYTES = 1024 * 1024
_PEM_BLOCK = re.compile(r"^[ \t]*-----BEGIN", re.MULTILINE)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_KEY_OF_A_LINE = re.compile(r"\s*(?:export\s+)?([a-z_]+)\s*(?:=|$)")


@dataclass(frozen=True, slots=True)
class EnvFile:
    """The file as written: nothing is expanded, and nothing is taken from the shell.

    `in_doubt` are keys that the file does name, but in a way that does not say their value; each
    is among the `problems` already, so nothing more is to be said about it.
    """

    path: Path
    texts: dict[str, str]
    lines: dict[str, int]
    in_doubt: frozenset[str]
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
    except InvalidValueError as error:
        raise SettingsError(path, [Problem("", str(error))]) from None
    if pasted := _PEM_BLOCK.search(text):
        # Its lines can pass for keys, so nothing more is said of such a file.
        line = text.count("\n", 0, pasted.end()) + 1
        raise SettingsError(path, [Problem(f"line {line}", _PEM_EXPECTED, line=line)])

    texts: dict[str, str] = {}
    lines: dict[str, int] = {}
    in_doubt: set[str] = set()
    problems: list[Problem] = []
    # parse_stream knows neither os.environ nor ${VAR}, unlike the functions built upon it.
    for binding in parse_stream(io.StringIO(text)):
        line = _line(binding)
        if not _is_readable(binding):
            damaged = tuple(_known_keys_within(binding))
            what = f"{damaged[0]} cannot be read" if damaged else "cannot be read"
            problems.append(Problem(f"line {line}", f"{what}; {_EXPECTED}", line=line))
            in_doubt.update(damaged)
        elif binding.key is None or binding.value is None:
            continue  # a comment, or the end of the file
        elif binding.key in lines:
            again = f"given twice, on lines {lines[binding.key]} and {line}; keep one"
            problems.append(Problem(binding.key, again, line=line))
            in_doubt.add(binding.key)
        else:
            lines[binding.key] = line
            texts[binding.key] = binding.value.strip()
    for key in in_doubt:
        texts.pop(key, None)
    return EnvFile(path, texts, lines, frozenset(in_doubt), tuple(problems))


_PEM_EXPECTED = (
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


def read_text(path: Path) -> str:
    """Return the text of the file, without a byte order mark.

    Raises `FileNotFoundError` if there is no such file, and `InvalidValueError` if it is unusable.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InvalidValueError("this is a directory; expected a file")
        # A pipe or a device could block for ever, or never end.
        if not stat.S_ISREG(status.st_mode):
            raise InvalidValueError("this is not a regular file")
        if status.st_size > _MOST_BYTES:
            size = status.st_size / _MOST_BYTES
            raise InvalidValueError(f"the file has {size:.1f} MiB; expected at most 1 MiB")
        content = path.read_bytes()
    except (FileNotFoundError, InvalidValueError):
        raise
    except ValueError:  # a NUL, or half of a surrogate pair
        raise InvalidValueError("no file can have such a name") from None
    except OSError as error:
        raise InvalidValueError(f"the file cannot be read ({error.strerror})") from None
    return _decode(content)


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidValueError(
            f"the file is not UTF-8 text (line {line}); save it as UTF-8"
        ) from None
