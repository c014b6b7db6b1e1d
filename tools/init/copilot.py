"""The manifest of a Copilot Backend Service as settings, and what in it has no counterpart here.

``copilot.toml`` has the counterpart of most keys, and this module has the others. Keys are written
with dots: ``image.port``.
"""

import posixpath
import tomllib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import yaml

from settings.aws_types import partition_of
from settings.container import VARIABLE_NAME, objection_to
from settings.env_file import read_container_environment
from settings.redaction import shown_name
from tools.init.proposal import Value, health_check_text

_TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_LARGEST_FILE = 64 * 1024
_MOST_KEYS = 2_000


class ManifestError(ValueError):
    """The file cannot be used as the manifest of a Backend Service; the message says why."""


class Manifest:
    """What the manifest of a Backend Service says in one environment, or in none.

    After ``translate``, ``values`` has its settings, and ``nearest`` says by key of the manifest
    what comes nearest to what is no setting. ``ManifestError`` if it is no such manifest. Without a
    path everything is empty.
    """

    def __init__(self, path: Path | None, environment: str | None) -> None:
        self.values: dict[str, Value] = {}
        self.nearest: dict[str, str] = {}
        self.workspace = path.resolve().parent.parent.parent if path else None
        self._file = shown_name(str(path))
        self._keys = _read(path, environment) if path else {}

    def image_build(self, folder: str) -> tuple[str, str]:
        """Return the Dockerfile and the build context in this folder; both empty without them."""
        dockerfile = _printable(self._keys.get("image.build.dockerfile"))
        dockerfile = dockerfile or _printable(self._keys.get("image.build"))
        context = _printable(self._keys.get("image.build.context"))
        if not dockerfile and not context:
            return "", ""
        dockerfile = posixpath.join(folder, dockerfile or f"{context}/Dockerfile")
        context = posixpath.join(folder, context) if context else posixpath.dirname(dockerfile)
        return posixpath.normpath(dockerfile), posixpath.normpath(context)

    def translate(self, source: Path, known: Mapping[str, str]) -> None:
        """Translate every key, for the account and the region that ``known`` has.

        ``source`` is the folder that the path of ``env_file`` begins at.
        """
        account, region = known.get("account_number", ""), known.get("aws_region", "")
        parameters = f"arn:{partition_of(region)}:ssm:{region}:{account}:parameter"
        for key, value in self._keys.items():
            text = _printable(value)
            match key:
                case "image.build" | "image.build.dockerfile" | "image.build.context":
                    pass  # see image_build
                case "image.healthcheck.command" if isinstance(value, list):
                    self._add_check(key, [_printable(word) for word in value])
                case "image.healthcheck.start_period":
                    self._add(key, {"start_period_seconds": text.removesuffix("s")})
                case "count.range" if "-" in text:
                    least, _, most = text.partition("-")
                    self._add(key, {"desired_count": least, "max_count": most})
                case "env_file":
                    self._add_file(key, source / text)
                case _ if key.startswith(("variables.", "secrets.")):
                    self._add_pair(key, value, parameters)
                case _:
                    self._look_up(key, text)
        if self.workspace is not None:
            self._complete()

    def drop(self, setting: str, problem: str) -> None:
        """Leave out a setting whose value is refused."""
        key = self.values.pop(setting).origin.removeprefix(f"{self._file}: ")
        self.nearest[key] = f"{setting}: {problem}"
        if setting == "task_memory" and "task_cpu" in self.values:
            self.drop("task_cpu", "Fargate offers it with other memory only")

    def _add(self, key: str, settings: Mapping[str, str]) -> None:
        origin = f"{self._file}: {key}"
        self.values |= {name: Value(text, origin) for name, text in settings.items()}

    def _add_check(self, key: str, words: list[str]) -> None:
        if words[:1] in (["CMD"], ["CMD-SHELL"]):
            self._add(key, {"health_check_command": health_check_text(words, {})})
        else:
            self._look_up(key, "")

    def _add_file(self, key: str, path: Path) -> None:
        """Name a file with variables, or what the settings refuse in it."""
        _, problems = read_container_environment(path)
        if problems:
            wrong = "; ".join(f"{each.key} {each.message}".lstrip() for each in problems)
            self.nearest[key] = f"container_environment_file: {wrong}"
        else:
            self._add(key, {"container_environment_file": str(path.resolve())})

    def _add_pair(self, key: str, value: object, parameters: str) -> None:
        """Add a variable or a secret to the list NAME=value that a setting has, or say why not."""
        section, name, *source = key.split(".", 2)
        setting = {"variables": "container_environment", "secrets": "container_secrets"}[section]
        text, instead = _printable(value), ""
        if not VARIABLE_NAME.fullmatch(name):
            instead = "expected a name of letters, digits and underscores"
        elif section == "variables" and not source:
            if not isinstance(value, str) or "," in value or value != text.strip():
                instead = "container_environment_file, which can have commas, spaces and lines"
            else:
                instead = objection_to(name, text) or ""
        elif section == "variables" or (source and not text.startswith("arn:")) or "${" in text:
            instead = _TABLES["nearest"][section]
        elif not text.startswith("arn:"):
            text = f"{parameters}/{text.lstrip('/')}"
        if instead:
            self.nearest[key] = instead
            return
        before = f"{self.values[setting].text}," if setting in self.values else ""
        self._add(section, {setting: f"{before}{name}={text}"})

    def _look_up(self, key: str, text: str) -> None:
        """Take the counterpart of a key, and what comes nearest, from the tables."""
        if (settings := _TABLES["meanings"].get(f"{key}={text}")) is not None:
            self._add(key, settings)
            return
        same = _TABLES["same"].get(key, ())
        self._add(key, dict.fromkeys(same, text))
        nearest, above = _TABLES["nearest"], key
        while above and above not in nearest:
            above = above.rpartition(".")[0]
        if key in nearest or not same:
            self.nearest[above or key] = nearest.get(above, "Copilot documents no such key")

    def _complete(self) -> None:
        """Add what Copilot does without a key."""
        for setting in ("desired_count", "max_count"):
            self.values.setdefault(setting, Value("1", f"{self._file} has no count"))
        if any(key.startswith("count.range") for key in self._keys):
            for metric in ("cpu", "memory"):
                none = Value("", f"{self._file}: count has no {metric}_percentage")
                self.values.setdefault(f"{metric}_target_percent", none)
        for key in _TABLES["missing"].keys() - self._keys.keys():
            self.nearest[f"{key}, which is missing"] = _TABLES["missing"][key]


def _read(path: Path, environment: str | None) -> dict[str, object]:
    """Return texts and lists by their keys, with those of the environment in their place."""
    known = {"COPILOT_ENVIRONMENT_NAME": environment or ""}
    workspace_file = path.parent.parent / ".workspace"
    if workspace_file.is_file():
        known["COPILOT_APPLICATION_NAME"] = str(_load(workspace_file, {}).get("application", ""))
    keys = _load(path, known)
    kind = keys.pop("type", "")
    if kind != "Backend Service":
        instead = _TABLES["types"].get(str(kind), "no other type has a counterpart")
        shown = f"has the type {shown_name(str(kind))}, not Backend Service"
        raise ManifestError(f"{shown_name(str(path))} {shown}: {instead}")
    start = f"environments.{environment}."
    overrides = {key.removeprefix(start): keys.pop(key) for key in [*keys] if key.startswith(start)}
    # A text replaces a map, and a map a text: count: 1, and count.range.
    for new in overrides:
        for old in [*keys]:
            if f"{old}.".startswith(f"{new}.") or new.startswith(f"{old}."):
                del keys[old]
    return keys | overrides


def _load(path: Path, known: Mapping[str, str]) -> dict[str, object]:
    """Return what a file says, with ``${NAME}`` replaced by what is known."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE + 1).decode("utf-8")
        for name, value in known.items():
            text = text.replace(f"${{{name}}}", value or f"${{{name}}}")
        # The base loader makes only maps, lists and texts. Settings are texts, too.
        content = yaml.BaseLoader(text).get_single_data()
        found = list(islice(_walk(content), _MOST_KEYS + 1))
    except OSError as error:
        raise ManifestError(f"{shown_name(str(path))} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError):
        raise ManifestError(f"{shown_name(str(path))} is not the YAML of a manifest") from None
    if len(text) > _LARGEST_FILE or len(found) > _MOST_KEYS:
        raise ManifestError(f"{shown_name(str(path))} is larger than any manifest")
    return {key: value for key, value in found if not isinstance(value, dict)}


def _walk(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Yield what is in a map, and itself, so that nobody walks in aliases without an end.

    What a merge key (``<<``) names comes first, because the map's own keys replace it.
    """
    yield key, value
    if isinstance(value, dict):
        merged = value.get("<<", [])
        for each in merged[::-1] if isinstance(merged, list) else [merged]:
            yield from _walk(each, key)
        for name, inner in value.items():
            if name != "<<":
                yield from _walk(inner, f"{key}.{name}" if key else name)


def _printable(value: object) -> str:
    """Return a text that a settings file can have; empty for everything else."""
    return value if isinstance(value, str) and value.isprintable() else ""
