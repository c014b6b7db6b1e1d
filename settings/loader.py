"""Loading: from a file to `Settings`, or to the list of all that is wrong with it."""

import math
from collections.abc import Mapping
from pathlib import Path

from core_infra.names import namespace_name

from .answers import Answers, answers_of
from .core import CoreSettings
from .delivery import DeliverySettings
from .dns_name import namespace_labels
from .env_file import EnvFile, read_env_file
from .existing_platform import ExistingPlatformSettings
from .group import fill
from .imported_values import imported_values
from .place import Place
from .problems import Problem, SettingsError, UnfitError
from .service import ServiceSettings
from .settings import Settings
from .shared_core import SharedCoreSettings
from .target import Target

Misfits = list[tuple[str, str]]
Platform = CoreSettings | SharedCoreSettings | ExistingPlatformSettings


def load_settings(env_file: Path | str = ".env") -> Settings:
    """Return what the file says, checked and complete.

    Raises `SettingsError`, which lists every problem of the file, if anything is wrong with it.
    """
    return settings_of(read_env_file(Path(env_file)))


def settings_of(file: EnvFile, clusters_in_reach: frozenset[str] = frozenset()) -> Settings:
    """Return what the file says, next to other files that create `clusters_in_reach`."""
    answers = answers_of(file, clusters_in_reach)
    texts = answers.texts

    target, misfits = fill(Target, texts, Place())
    # What is valid so far is known to the checks that follow, even if the rest is not.
    place = Place(
        account_number=_valid(texts, "account_number", misfits),
        aws_region=_valid(texts, "aws_region", misfits),
    )
    platform, platform_misfits = _platform(answers, place)
    service, service_misfits = fill(ServiceSettings, {**texts, **_home(platform)}, place)
    delivery, delivery_misfits = fill(DeliverySettings, texts, place)

    found = [*misfits.items(), *platform_misfits]
    found += [*service_misfits.items(), *delivery_misfits.items()]
    problems = [*answers.problems, *(answers.problem(*misfit) for misfit in dict.fromkeys(found))]
    if problems:
        raise SettingsError(file.path, sorted(problems, key=_place_in_file))
    if target is None or platform is None or service is None or delivery is None:
        raise AssertionError("a key that a group needs is in no list of keys.py")
    return Settings(
        env_file=file.path,
        account_number=target.account_number,
        aws_region=target.aws_region,
        stack_prefix=target.stack_prefix,
        platform=platform,
        service=service,
        delivery=delivery,
    )


def _platform(answers: Answers, place: Place) -> tuple[Platform | None, Misfits]:
    if answers.deploy_core_stack is None:
        return None, []
    if answers.deploy_core_stack:
        core, misfits = fill(CoreSettings, answers.texts, place)
        return core, [*misfits.items()]
    if answers.shares_core:
        return _shared_core(answers.texts, place)
    values, misfits_of_outputs = imported_values(answers.texts, answers.file.path.parent, place)
    existing, misfits = fill(ExistingPlatformSettings, values, place)
    return existing, [*misfits_of_outputs, *misfits.items()]


def _shared_core(texts: Mapping[str, str], place: Place) -> tuple[Platform | None, Misfits]:
    cluster, name = texts["ecs_cluster_name"], texts.get("namespace_name")
    if name is None and "namespaces" in texts:
        try:
            name = namespace_name(namespace_labels(texts["namespaces"])[0], cluster)
        except UnfitError as unfit:
            return None, [("namespaces", str(unfit))]
    named = {} if name is None else {"namespace_name": name}
    shared, misfits = fill(SharedCoreSettings, {"ecs_cluster_name": cluster, **named}, place)
    return shared, [*misfits.items()]


def _home(platform: Platform | None) -> dict[str, str]:
    if platform is None:
        return {}
    if isinstance(platform, CoreSettings):
        namespace = platform.namespace_names[0]
    else:
        namespace = platform.namespace_name
    return {"ecs_cluster_name": platform.ecs_cluster_name, "namespace_name": namespace}


def _valid(texts: Mapping[str, str], key: str, misfits: Mapping[str, str]) -> str | None:
    return None if key in misfits else texts.get(key)


def _place_in_file(problem: Problem) -> float:
    return math.inf if problem.line is None else problem.line
