"""Conflicts between the settings files of one app: names that only one of them can have."""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

from .model import Settings, SharedCoreSettings
from .redaction import shown_item, shown_name, shown_names, shown_value
from .report import Problem

_ENVIRONMENT = ("account_number", "aws_region")
# What two files must not have in common, by the key to change: the consequence, and the names.
_UNIQUE: tuple[tuple[str, str, Callable[[Settings], set[str]]], ...] = (
    ("stack_prefix", "the stacks of both would have the same names", lambda s: {s.stack_prefix}),
    (
        "service_name",
        "both would have the same name in DNS, or the same pipeline and log group",
        lambda s: {
            f"{s.service.service_name}.{s.service.namespace_name}",
            s.service.full_name,
        },
    ),
    (
        "ecr_repository_name",
        "both would create the same repository, for released images or for builds",
        lambda s: {s.service.ecr_repository_name, s.service.builds_repository_name},
    ),
    (
        "ecs_cluster_name",
        'both would create the cluster; with deploy_core_stack="False" one shares the other\'s',
        lambda s: {s.core.ecs_cluster_name} if s.core else set(),
    ),
)


def conflicts(settings: Settings, deployment: Sequence[Settings]) -> list[Problem]:
    """Return what keeps the settings from being deployed together with those before them."""
    return [*_shared_core_problems(settings, deployment), *_collisions(settings, deployment)]


def _collisions(settings: Settings, deployment: Sequence[Settings]) -> Iterator[Problem]:
    reported = set()
    for other in takewhile(lambda each: each is not settings, deployment):
        are_apart = any(getattr(settings, key) != getattr(other, key) for key in _ENVIRONMENT)
        for key, consequence, names in _UNIQUE:
            # An app has each name of a stack once, in whichever account and region the stack is.
            if are_apart and key != "stack_prefix":
                continue
            if key not in reported and names(settings) & names(other):
                reported.add(key)
                message = f"is the same in {shown_name(str(other.env_file))}: {consequence}"
                yield Problem(key, message, _given(settings, key))


def _shared_core_problems(settings: Settings, deployment: Sequence[Settings]) -> Iterator[Problem]:
    """Find what keeps a service from the core stack that it shares."""
    shared = settings.platform
    if not isinstance(shared, SharedCoreSettings):
        return
    for other in deployment:
        core = other.core
        if core is None or core.ecs_cluster_name != shared.ecs_cluster_name:
            continue
        file = shown_name(str(other.env_file))
        for key in _ENVIRONMENT:
            if getattr(settings, key) != getattr(other, key):
                message = (
                    f'expected "{getattr(other, key)}", as in {file}, which creates the cluster'
                )
                yield Problem(key, message, _given(settings, key))
        if shared.namespace_name not in core.namespace_names:
            yield Problem(
                "namespaces",
                f"{file} creates no namespace {shown_item(shared.namespace_name)}; "
                f"expected one of {shown_names(core.namespace_names)}",
            )


def _given(settings: Settings, key: str) -> str | None:
    section = settings if hasattr(settings, key) else settings.service
    return shown_value(getattr(section, key))
