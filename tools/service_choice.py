"""Which settings and which repository a command is about: the user's, or else the sample's.

Every command takes ``.env`` if there is one. ``make init`` notes beside the settings file where
the repository of the service is, so that later commands need no ``SOURCE=``.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path

from settings import CoreSettings, Settings, SettingsError, load_deployment, load_settings
from settings.examples import example_deployment
from settings.redaction import shown_name
from tools.repository import ROOT

_SAMPLE = ROOT / "sample.env"
_SAMPLE_IS_TAKEN = "There is no .env: these are the settings of the sample service."


class NoSourceError(Exception):
    """Nobody has said where the repository of the service is; the message says how to."""


def env_files_or_none(given: str | None) -> str | None:
    """Return the settings files that are meant, or None for the sample.

    ``given`` are paths with commas between them, as the user wrote them, or None.
    """
    return given or (".env" if Path(".env").exists() else None)


def add_options(parser: ArgumentParser) -> None:
    """Add the options of a command about one service, which make's variables fill in."""
    parser.add_argument("--env-file", help="settings file, .env by default; several with commas")
    parser.add_argument("--service", help="the service_name, if there are several settings files")


def load_chosen(given: str | None) -> tuple[Settings, ...]:
    """Load the settings files that are meant; say on standard error that it is the sample.

    If something is wrong with them, the process ends with the report of it.
    """
    env_files = env_files_or_none(given)
    if env_files is None:
        print(_SAMPLE_IS_TAKEN, file=sys.stderr)
        # The file that they were loaded from is temporary, and no message should name it.
        (sample,) = example_deployment({})
        return (sample.model_copy(update={"env_file": _SAMPLE}),)
    try:
        return tuple(load_deployment(env_files))
    except SettingsError as error:
        sys.exit(str(error))


def is_sample(settings: Settings) -> bool:
    """Say whether ``load_chosen`` took the sample because there is no ``.env``."""
    return settings.env_file == _SAMPLE


def shown_file(settings: Settings) -> str:
    """Return the name of the settings file as a message shows it."""
    return _SAMPLE.name if is_sample(settings) else shown_name(str(settings.env_file))


def core_of(settings: Settings, deployment: Iterable[Settings]) -> CoreSettings | None:
    """Return the core that the service runs on, if a file of the deployment creates it."""
    cores = (each.core for each in deployment if each.core)
    cluster = settings.service.ecs_cluster_name
    return next((core for core in cores if core.ecs_cluster_name == cluster), None)


def note_source(env_file: Path, source: Path) -> None:
    """Note that the folder ``source`` has the repository that the settings in the file name."""
    text = f"{_repository(load_settings(env_file))}\n{source.resolve()}\n"
    _note(env_file).write_text(text, encoding="utf-8")


def source_of(settings: Settings, given: str | None) -> Path:
    """Return the folder of the repository that is delivered with the settings.

    It is the ``given`` one, the one that ``make init`` has noted for the repository of the
    settings, or the blueprint's own if that has the Dockerfile that the settings name. Raises
    ``NoSourceError`` otherwise.
    """
    if settings.delivery.image_source_repository_arn:
        raise NoSourceError(
            f"{shown_file(settings)} has image_source_repository_arn, so there is no source to "
            "build: use a copy of the file without this key"
        )
    if given:
        return Path(given)
    note = _note(settings.env_file)
    if note.exists():
        repository, _, folder = note.read_text(encoding="utf-8").strip().partition("\n")
        # The settings may have been replaced since: then the note is about another repository.
        if repository == _repository(settings):
            return Path(folder)
    if (ROOT / settings.delivery.dockerfile).is_file():
        return ROOT
    raise NoSourceError(
        f"SOURCE=<folder of the service's repository> is needed: {shown_file(settings)} names "
        f"{settings.delivery.dockerfile}, which is not in this repository"
    )


def _repository(settings: Settings) -> str:
    delivery = settings.delivery
    return f"{delivery.repository_owner}/{delivery.repository_name}".lower()  # as GitHub compares


def _note(env_file: Path) -> Path:
    return env_file.with_name(f"{env_file.name}.source")
