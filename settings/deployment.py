"""Several settings files deployed as one app: one core, many services."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

from .answers import creates_core
from .core import CoreSettings
from .credentials import may_be_credential, showable, shown_name, shown_names
from .env_file import EnvFile, read_env_file
from .item_list import distinct_items
from .loader import settings_of
from .problems import Problem, SettingsError, SeveralSettingsError, UnfitError
from .settings import Settings
from .shared_core import SharedCoreSettings

_Facts = Callable[[Settings], object]

# What two files must not have in common, by the key to be changed.
_UNIQUE: tuple[tuple[str, str, _Facts], ...] = (
    ("stack_prefix", "the stacks of both would have the same names", lambda s: s.stack_prefix),
    (
        "service_name",
        "callers in the namespace could not tell the services apart",
        lambda s: (s.service.service_name, s.service.namespace_name),
    ),
    (
        "service_name",
        "the pipelines and log groups of both would have the same names",
        lambda s: s.service.full_name,
    ),
    (
        "ecr_repository_name",
        "both would create the same repository",
        lambda s: s.service.ecr_repository_name,
    ),
    (
        "ecs_cluster_name",
        'both would create the cluster; with deploy_core_stack="False" one shares the other\'s',
        lambda s: s.core.ecs_cluster_name if s.core else s,
    ),
)


def load_deployment(env_files: object) -> tuple[Settings, ...]:
    """Return the settings of each of the comma-separated files, in their order.

    `env_files` may be of any type, since it comes from the context of the app; all but text with
    the name of a file in it is refused.

    Each file is complete on its own. A file with deploy_core_stack="False" whose ecs_cluster_name
    is that of a core stack which another one creates shares that core stack: it needs no import
    keys, and those that it has do not count. Raises `SettingsError` with every problem of every
    file, and with the collisions between them.
    """
    errors: list[SettingsError] = []
    files: list[EnvFile] = []
    for name in _names_of_files(env_files):
        try:
            files.append(read_env_file(Path(name)))
        except SettingsError as error:
            errors.append(error)
    clusters = frozenset(f.texts.get("ecs_cluster_name", "") for f in files if creates_core(f))
    deployment: list[Settings] = []
    for file in files:
        try:
            deployment.append(settings_of(file, clusters))
        except SettingsError as error:
            errors.append(error)
    conflicts = {
        s.env_file: [*_misplaced(s, deployment), *_collisions(s, deployment)] for s in deployment
    }
    errors += [SettingsError(file, problems) for file, problems in conflicts.items() if problems]
    if errors:
        raise errors[0] if len(errors) == 1 else SeveralSettingsError(errors)
    return tuple(deployment)


def _names_of_files(env_files: object) -> tuple[str, ...]:
    expected = "expected the name of a settings file, or several with commas between them"
    if not isinstance(env_files, str):
        kind = type(env_files).__name__
        raise SettingsError("env_file", [Problem("", f"the value is of type {kind}; {expected}")])
    try:
        names = distinct_items(env_files)
    except UnfitError as unfit:
        raise SettingsError("env_file", [Problem("", f"the list of files {unfit}")]) from None
    if not names:
        raise SettingsError("env_file", [Problem("", f"the value is empty; {expected}")])
    return names


def _collisions(settings: Settings, deployment: Sequence[Settings]) -> Iterator[Problem]:
    """Find what is already taken by a file before this one."""
    reported = set()
    for other, this in combinations(deployment, 2):
        if this is not settings or _place(other) != _place(this):
            continue
        for key, consequence, fact in _UNIQUE:
            if key not in reported and fact(this) == fact(other):
                reported.add(key)
                message = f"is the same in {shown_name(str(other.env_file))}: {consequence}"
                yield Problem(key, message, _given(settings, key))


def _misplaced(settings: Settings, deployment: Sequence[Settings]) -> Iterator[Problem]:
    """Find what keeps a service from the core stack that it is to share."""
    shared = settings.platform
    if not isinstance(shared, SharedCoreSettings):
        return
    for other in deployment:
        core = other.core
        if core is None or core.ecs_cluster_name != shared.ecs_cluster_name:
            continue
        for key in ("account_number", "aws_region"):
            if getattr(settings, key) != getattr(other, key):
                message = (
                    f'expected "{getattr(other, key)}", as in {shown_name(str(other.env_file))}, '
                    "which creates the cluster"
                )
                yield Problem(key, message, f'"{getattr(settings, key)}"')
        if shared.namespace_name not in core.namespace_names:
            yield _no_such_namespace(shared, core, other.env_file)


def _no_such_namespace(shared: SharedCoreSettings, core: CoreSettings, env_file: Path) -> Problem:
    names = shown_names(core.namespace_names)
    wanted = shared.namespace_name
    return Problem(
        "namespaces",
        f"{shown_name(str(env_file))} creates no namespace "
        f"{'of this name' if may_be_credential(wanted) else wanted}; expected one of {names}",
    )


def _place(settings: Settings) -> tuple[str, str]:
    return settings.account_number, settings.aws_region


def _given(settings: Settings, key: str) -> str | None:
    groups = (settings, settings.service)
    return next(showable(key, getattr(group, key)) for group in groups if hasattr(group, key))
