"""Loading: from the names of files to ``Settings``, or to the report of everything that is wrong.

The steps: read each file, find the platform of its service, validate its values section by
section, and compare the files with each other.
"""

import difflib
import math
import re
from collections.abc import Sequence, Set
from pathlib import Path

from .aws_types import AwsEnvironment
from .conflicts import conflicts
from .env_file import EnvFile, read_container_environment, read_env_file
from .model import (
    ALL_KEYS,
    DEFAULTS,
    PRIVATE_KEYS,
    REPORTED,
    DeliverySettings,
    ServiceSettings,
    Settings,
    Target,
    validated,
)
from .parsing import distinct_items
from .platform import creates_core, find_platform, is_filled_in
from .redaction import shown_value
from .report import InvalidValueError, Problem, SettingsError

_TOKEN = ("github_token_secret_name",)
_GIT = ("repository_owner", "repository_name", "repository_branch", "folder_path", *_TOKEN)


def load_settings(env_file: Path | str = ".env") -> Settings:
    """Return what the file says, checked and complete.

    Raises ``SettingsError``, which lists every problem of the file, if anything is wrong with it.
    """
    return _settings_of(read_env_file(Path(env_file)), frozenset())


def load_deployment(env_files: object) -> tuple[Settings, ...]:
    """Return the settings of each of the comma-separated files, in their order.

    ``env_files`` comes from the context of the app, so it may be of any type; everything but text
    with the name of a file in it is refused.

    Each file is complete on its own. A file with deploy_core_stack="False" whose ecs_cluster_name
    is that of a core stack which another file creates shares that core stack. It needs none of the
    keys for existing infrastructure, and only ``namespace_name`` has an effect: it chooses one of
    the namespaces. Without it the service is in the first of ``namespaces``. Raises
    ``SettingsError`` with every problem of every file, and with the conflicts between them.
    """
    reports: dict[Path, Sequence[Problem]] = {}
    files: list[EnvFile] = []
    for name in _names_of_files(env_files):
        try:
            files.append(read_env_file(Path(name)))
        except SettingsError as error:
            reports |= error.reports
    created = {f.texts.get("ecs_cluster_name") for f in files if creates_core(f.texts)} - {None, ""}
    deployment: list[Settings] = []
    for file in files:
        try:
            deployment.append(_settings_of(file, created))
        except SettingsError as error:
            reports |= error.reports
    for settings in deployment:
        if problems := conflicts(settings, deployment):
            reports[settings.env_file] = problems
    if reports:
        raise SettingsError(reports)
    return tuple(deployment)


def _names_of_files(env_files: object) -> tuple[str, ...]:
    try:
        names = distinct_items(env_files) if isinstance(env_files, str) else ()
        if not names:
            raise InvalidValueError(
                "expected the name of a settings file, or several with commas between them"
            )
    except InvalidValueError as error:
        raise SettingsError({Path("env_file"): [Problem("", str(error))]}) from None
    return names


def _settings_of(file: EnvFile, created_clusters: Set[object]) -> Settings:
    """Return what the file says, or raise ``SettingsError`` with all of its problems."""
    unknown, misspelt = _unknown_keys(file)
    # One mistake makes one problem: a misspelt key is not missing too, and does not have its
    # default.
    reported = dict.fromkeys(file.reported | misspelt, REPORTED)
    values: dict[str, object] = {**DEFAULTS, **file.texts, **reported}

    target, wrong = validated(Target, values, AwsEnvironment())
    # The checks that follow know what is valid so far, even if the rest is not.
    keys = ("account_number", "aws_region")
    environment = AwsEnvironment(*(None if k in wrong else file.texts.get(k) for k in keys))
    found = [*wrong.items()]
    folder = file.path.parent
    platform, wrong_platform = find_platform(values, folder, created_clusters, environment)
    found += wrong_platform
    named = file.texts.get("container_environment_file", "")
    variables_file = folder / named
    variables, wrong_variables = read_container_environment(variables_file) if named else ({}, [])
    values["container_environment_file"] = variables
    place = {k: getattr(platform, k, REPORTED) for k in ("ecs_cluster_name", "namespace_name")}
    service, wrong = validated(ServiceSettings, {**values, **place}, environment)
    found += wrong.items()
    unused: tuple[str, ...] = _TOKEN if values.get("connection_arn") else ()
    if values.get("image_source_repository_arn"):
        unused = _GIT
        message = "leave it empty: with image_source_repository_arn nothing is read from Git"
        for key in ("repository_owner", "connection_arn"):  # sample.env fills the others in
            found += [(key, message)] if is_filled_in(file.texts.get(key)) else []
    given = {**values, **dict.fromkeys(unused)}
    delivery, wrong = validated(DeliverySettings, given, environment)
    found += wrong.items()

    problems = [*file.problems, *unknown, *(_problem(file, *each) for each in dict.fromkeys(found))]
    reports = {
        file.path: sorted(problems, key=lambda p: p.line or math.inf),
        variables_file: wrong_variables,
    }
    if problems or wrong_variables:
        raise SettingsError({path: report for path, report in reports.items() if report})
    if target is None or platform is None or service is None or delivery is None:
        raise AssertionError("a section is invalid, but there is no problem to report")
    return Settings(
        env_file=file.path,
        platform=platform,
        service=service,
        delivery=delivery,
        **dict(target),
    )


def _unknown_keys(file: EnvFile) -> tuple[list[Problem], set[str]]:
    """Return the problems of unknown keys, and the keys that the user probably meant."""
    problems = []
    misspelt = set()
    for key in (key for key in file.lines if key not in ALL_KEYS):
        near = difflib.get_close_matches(key.lower(), ALL_KEYS, n=1, cutoff=0.75)
        meant = near[0] if near else None
        hint = f"; did you mean {meant}?" if meant else ""
        # Another line may be a secret, since a secret can end with "=".
        shown = key if meant or re.fullmatch("[a-z_]+", key) else f"line {file.lines[key]}"
        given = _given(meant, file.texts.get(key, "")) if meant else None
        problems.append(Problem(shown, f"unknown key{hint}", given, file.lines[key]))
        if meant and meant not in file.lines:
            misspelt.add(meant)
    return problems, misspelt


def _problem(file: EnvFile, key: str, message: str) -> Problem:
    text = file.texts.get(key)
    given = None if text is None else _given(key, text)
    if key not in file.lines and DEFAULTS.get(key):
        given = f'"{DEFAULTS[key]}" (the default)'
    return Problem(key, message, given, file.lines.get(key))


def _given(key: str, text: str) -> str | None:
    return None if key in PRIVATE_KEYS else shown_value(text)
