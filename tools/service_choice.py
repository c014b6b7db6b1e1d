"""Which settings and which repository a command is about: the user's, or else the sample's.

Every command takes ``.env`` if there is one. ``make init`` notes beside the settings file which
repository it was written for, so that no later command has to be told.
"""

import sys
from pathlib import Path

from settings import Settings, load_deployment
from settings.examples import example_deployment
from tools.repository import ROOT

_SAMPLE = "There is no .env: these are the settings of the sample service."


class NoSourceError(Exception):
    """Nobody has said where the repository of the service is; the message says how to."""


def env_files_or_none(given: str | None) -> str | None:
    """Return the settings files that are meant, or None for the sample.

    ``given`` are paths with commas between them, as the user wrote them, or None.
    """
    return given or (".env" if Path(".env").exists() else None)


def load_chosen(given: str | None) -> tuple[Settings, ...]:
    """Load the settings files that are meant; say on standard error that it is the sample.

    Raises ``SettingsError`` with everything that is wrong with them.
    """
    env_files = env_files_or_none(given)
    if env_files is None:
        print(_SAMPLE, file=sys.stderr)
        return example_deployment({})
    return tuple(load_deployment(env_files))


def note_source(env_file: Path, source: Path) -> None:
    """Note that the settings in ``env_file`` are of the service in the folder ``source``."""
    _note(env_file).write_text(f"{source.resolve()}\n", encoding="utf-8")


def source_of(settings: Settings, given: str | None) -> Path:
    """Return the folder of the repository that is delivered with the settings.

    It is the ``given`` one, the one that ``make init`` has noted, or the blueprint's own if that
    has the folder that the settings name. Raises ``NoSourceError`` otherwise.
    """
    if given:
        return Path(given)
    note = _note(settings.env_file)
    if note.exists():
        return Path(note.read_text(encoding="utf-8").strip())
    if (ROOT / settings.delivery.dockerfile).is_file():
        return ROOT
    raise NoSourceError(
        f"SOURCE=<folder of the service's repository> is needed: {settings.env_file} names "
        f"{settings.delivery.dockerfile}, which is not in this repository"
    )


def _note(env_file: Path) -> Path:
    return env_file.with_name(f"{env_file.name}.source")
