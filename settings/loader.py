"""Loading: from a file to `Settings`, or to the list of all that is wrong with it."""

import math
from collections.abc import Mapping
from pathlib import Path

from .answers import answers_of
from .core import CoreSettings
from .delivery import DeliverySettings
from .env_file import read_env_file
from .existing_platform import ExistingPlatformSettings
from .group import fill
from .imported_values import imported_values
from .place import Place
from .problems import Problem, SettingsError
from .service import ServiceSettings
from .settings import Settings
from .target import Target


def load_settings(env_file: Path | str = ".env") -> Settings:
    """Return what the file says, checked and complete.

    Raises `SettingsError`, which lists every problem of the file, if anything is wrong with it.
    """
    path = Path(env_file)
    answers = answers_of(read_env_file(path))
    texts = answers.texts

    target, misfits = fill(Target, texts, Place())
    # What is valid so far is known to the checks that follow, even if the rest is not.
    place = Place(
        account_number=_valid(texts, "account_number", misfits),
        aws_region=_valid(texts, "aws_region", misfits),
    )
    found = list(misfits.items())

    core: CoreSettings | None = None
    existing: ExistingPlatformSettings | None = None
    home: dict[str, str] = {}
    if answers.deploy_core_stack is True:
        core, misfits = fill(CoreSettings, texts, place)
        found += misfits.items()
        if core is not None:
            home = _home(core.ecs_cluster_name, core.namespace_names[0])
    elif answers.deploy_core_stack is False:
        values, import_misfits = imported_values(texts, path.parent, place)
        existing, misfits = fill(ExistingPlatformSettings, values, place)
        found += [*import_misfits, *misfits.items()]
        if existing is not None:
            home = _home(existing.ecs_cluster_name, existing.namespace_name)

    service, misfits = fill(ServiceSettings, {**texts, **home}, place)
    found += misfits.items()
    delivery, misfits = fill(DeliverySettings, texts, place)
    found += misfits.items()

    problems = [*answers.problems, *(answers.problem(*misfit) for misfit in dict.fromkeys(found))]
    if problems:
        raise SettingsError(path, sorted(problems, key=_place_in_file))
    platform = core or existing
    if target is None or platform is None or service is None or delivery is None:
        raise AssertionError("a key that a group needs is in no list of keys.py")
    return Settings(
        env_file=path,
        account_number=target.account_number,
        aws_region=target.aws_region,
        stack_prefix=target.stack_prefix,
        platform=platform,
        service=service,
        delivery=delivery,
    )


def _valid(texts: Mapping[str, str], key: str, misfits: Mapping[str, str]) -> str | None:
    return None if key in misfits else texts.get(key)


def _home(ecs_cluster_name: str, namespace_name: str) -> dict[str, str]:
    return {"ecs_cluster_name": ecs_cluster_name, "namespace_name": namespace_name}


def _place_in_file(problem: Problem) -> float:
    return math.inf if problem.line is None else problem.line
