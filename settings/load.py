"""Loading: from the names of files to `Settings`, or to the report of all that is wrong.

Straight on: the files are read, each gets its platform (to create, to share or to import), its
values are validated section by section, and what is left is what the files must not have in common.
"""

import difflib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path

from .aws_types import AwsEnvironment
from .container import LARGEST_ROLE_POLICIES
from .core_outputs import CoreOutputs, read_core_outputs
from .env_file import EnvFile, read_env_file
from .model import (
    ALL_KEYS,
    DEFAULTS,
    IN_DOUBT,
    PRIVATE_KEYS,
    CoreOutputsSettings,
    CoreSettings,
    DeliverySettings,
    ExistingPlatformSettings,
    NamespaceChoice,
    Platform,
    ServiceSettings,
    Settings,
    SharedCoreSettings,
    Target,
    validated,
)
from .names import builds_repository_name, namespace_name
from .parsing import as_bool, distinct_items, has_placeholder
from .redaction import may_be_credential, shown_name, shown_names, shown_value
from .report import InvalidValueError, Problem, SettingsError, SeveralSettingsError

_NAMESPACE = frozenset({"namespace_name", "namespace_arn", "namespace_id"})
_MOST_SUGGESTIONS = 100  # each takes a millisecond, and a file can have a hundred thousand keys

_Values = Mapping[str, object]
_Invalid = list[tuple[str, str]]  # keys, and what is expected of them

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
        "both would create the same repository, for images in service or for builds",
        lambda s: frozenset(
            (
                s.service.ecr_repository_name,
                builds_repository_name(s.service.ecr_repository_name),
            )
        ),
    ),
    (
        "ecs_cluster_name",
        'both would create the cluster; with deploy_core_stack="False" one shares the other\'s',
        lambda s: s.core.ecs_cluster_name if s.core else s,
    ),
)


def load_settings(env_file: Path | str = ".env") -> Settings:
    """Return what the file says, checked and complete.

    Raises `SettingsError`, which lists every problem of the file, if anything is wrong with it.
    """
    file = read_env_file(Path(env_file))
    settings = _settings_of(file, _platform_type(file, frozenset()))
    if crowded := list(_crowded_role(settings, [settings])):
        raise SettingsError(file.path, crowded)
    return settings


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
    created = frozenset(f.texts.get("ecs_cluster_name", "") for f in files if _creates_core(f))
    deployment: list[Settings] = []
    for file in files:
        try:
            deployment.append(_settings_of(file, _platform_type(file, created)))
        except SettingsError as error:
            errors.append(error)
    conflicts = {
        s.env_file: [
            *_misplaced(s, deployment),
            *_collisions(s, deployment),
            *_crowded_role(s, deployment),
        ]
        for s in deployment
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
    except InvalidValueError as error:
        raise SettingsError("env_file", [Problem("", f"the list of files {error}")]) from None
    if not names:
        raise SettingsError("env_file", [Problem("", f"the value is empty; {expected}")])
    return names


# --- One file -------------------------------------------------------------------------------------


def _creates_core(file: EnvFile) -> bool | None:
    """Tell whether the file creates a core stack; None if it does not say so properly."""
    try:
        return as_bool(file.texts.get("deploy_core_stack"))
    except InvalidValueError:
        return None


def _platform_type(file: EnvFile, created_clusters: frozenset[str]) -> type[Platform] | None:
    """Decide what the service of a file runs on; None if the file does not say so properly."""
    creates_core = _creates_core(file)
    if creates_core is None:
        return None
    if creates_core:
        return CoreSettings
    if file.texts.get("ecs_cluster_name") in created_clusters:
        return SharedCoreSettings
    return ExistingPlatformSettings


def _settings_of(file: EnvFile, platform_type: type[Platform] | None) -> Settings:
    """Return what the file says about a service on such a platform."""
    unknown, misspelt = _unknown_keys(file)
    values: dict[str, object] = {**DEFAULTS, **file.texts}
    # One mistake, one problem: what is misspelt is not missing too, and does not mean its default.
    values |= dict.fromkeys(file.in_doubt | misspelt, IN_DOUBT)

    target, invalid = validated(Target, values, AwsEnvironment())
    # What is valid so far is known to the checks that follow, even if the rest is not.
    environment = AwsEnvironment(
        **{
            key: str(values[key])
            for key in ("account_number", "aws_region")
            if key in file.texts and key not in invalid
        }
    )
    found = [*invalid.items()]
    platform, invalid_platform = _platform(platform_type, values, file.path.parent, environment)
    found += invalid_platform
    service, invalid = validated(ServiceSettings, {**values, **_home(platform)}, environment)
    found += invalid.items()
    token = {"github_token_secret_name": None} if values.get("connection_arn") else {}
    delivery, invalid = validated(DeliverySettings, {**values, **token}, environment)
    found += invalid.items()

    problems = [*file.problems, *unknown, *(_problem(file, *each) for each in dict.fromkeys(found))]
    if problems:
        raise SettingsError(file.path, sorted(problems, key=_line_of))
    if target is None or platform is None or service is None or delivery is None:
        raise AssertionError("a section is invalid, and nobody has said why")
    return Settings(
        env_file=file.path,
        account_number=target.account_number,
        aws_region=target.aws_region,
        stack_prefix=target.stack_prefix,
        platform=platform,
        service=service,
        delivery=delivery,
    )


def _unknown_keys(file: EnvFile) -> tuple[list[Problem], set[str]]:
    """Return the problems of unknown keys, and the keys that were probably meant by them."""
    problems = []
    misspelt = set()
    unknown = iter([key for key in file.lines if key not in ALL_KEYS])
    for key in islice(unknown, _MOST_SUGGESTIONS):
        near = difflib.get_close_matches(key.lower()[:80], ALL_KEYS, n=1, cutoff=0.75)
        meant = near[0] if near else None
        # What else an unknown key is, and so its value, nobody knows.
        given = _given(meant, file.texts.get(key, "")) if meant else None
        hint = f"; did you mean {meant}?" if meant else ""
        problems.append(Problem(key, f"unknown key{hint}", given, file.lines[key]))
        if meant and meant not in file.lines:
            misspelt.add(meant)
    problems += [Problem(key, "unknown key", None, file.lines[key]) for key in unknown]
    return problems, misspelt


def _problem(file: EnvFile, key: str, message: str) -> Problem:
    text = file.texts.get(key)
    given = None if text is None else _given(key, text)
    if key not in file.lines and DEFAULTS.get(key):
        given = f'"{DEFAULTS[key]}" (the default)'
    return Problem(key, message, given, file.lines.get(key))


def _given(key: str, text: str) -> str | None:
    return None if key in PRIVATE_KEYS else shown_value(text)


def _line_of(problem: Problem) -> float:
    return math.inf if problem.line is None else problem.line


# --- Its platform ---------------------------------------------------------------------------------


def _platform(
    platform_type: type[Platform] | None,
    values: _Values,
    folder: Path,
    environment: AwsEnvironment,
) -> tuple[Platform | None, _Invalid]:
    if platform_type is CoreSettings:
        core, invalid = validated(CoreSettings, values, environment)
        return core, [*invalid.items()]
    if platform_type is SharedCoreSettings:
        return _shared_core(values, environment)
    if platform_type is ExistingPlatformSettings:
        return _existing_platform(values, folder, environment)
    return None, []


def _home(platform: Platform | None) -> dict[str, object]:
    """Return the cluster and the namespace that the service gets."""
    if platform is None:
        return {"ecs_cluster_name": IN_DOUBT, "namespace_name": IN_DOUBT}
    if isinstance(platform, CoreSettings):
        namespace = platform.namespace_names[0]
    else:
        namespace = platform.namespace_name
    return {"ecs_cluster_name": platform.ecs_cluster_name, "namespace_name": namespace}


def _shared_core(
    values: _Values, environment: AwsEnvironment
) -> tuple[SharedCoreSettings | None, _Invalid]:
    cluster = values["ecs_cluster_name"]
    name, invalid_name = _chosen_namespace(values, cluster, environment)
    named = {"ecs_cluster_name": cluster, "namespace_name": name or IN_DOUBT}
    core, invalid = validated(SharedCoreSettings, named, environment)
    return core, [*invalid_name, *invalid.items()]


def _chosen_namespace(
    values: _Values, cluster: object, environment: AwsEnvironment
) -> tuple[str | None, _Invalid]:
    """Return the full name of the namespace on a core that the file does not create."""
    if _is_filled_in(name := values.get("namespace_name")):
        named = {"ecs_cluster_name": cluster, "namespace_name": name}
        core, invalid = validated(SharedCoreSettings, named, environment)
        return core.namespace_name if core else None, [*invalid.items()]
    choice, invalid = validated(NamespaceChoice, values, environment)
    if choice is None:
        return None, [*invalid.items()]
    return namespace_name(choice.namespaces[0], str(cluster)), []


def _existing_platform(
    values: _Values, folder: Path, environment: AwsEnvironment
) -> tuple[ExistingPlatformSettings | None, _Invalid]:
    """Return what is there already: given by hand, or by the outputs of an earlier deploy.

    Without `core_outputs_file`, everything is given by hand. With it, what is given by hand wins,
    and the file, whose path is relative to `folder`, gives the rest.
    """
    source, invalid = validated(CoreOutputsSettings, values, environment)
    if source is None:
        return None, [*invalid.items()]
    if source.core_outputs_file is None:
        by_hand = {**values, "vpc": None}
        existing, invalid = validated(ExistingPlatformSettings, by_hand, environment)
        return existing, [*invalid.items()]
    keys = ExistingPlatformSettings.model_fields
    by_hand = {key: values[key] for key in keys if _is_filled_in(values.get(key))}
    outputs = read_core_outputs(folder / source.core_outputs_file, environment)
    in_doubt = dict.fromkeys(keys, IN_DOUBT)
    if not isinstance(outputs, CoreOutputs):
        found = [("core_outputs_file", message) for message in outputs]
        if not by_hand.keys() >= _NAMESPACE:
            found += _chosen_namespace(values, IN_DOUBT, environment)[1]
        _, invalid = validated(ExistingPlatformSettings, {**in_doubt, **by_hand}, environment)
        return None, [*found, *invalid.items()]
    rest, found = _rest_from(outputs, source.core_outputs_file, values, by_hand, environment)
    given = {**in_doubt, **rest, **by_hand}
    existing, invalid = validated(ExistingPlatformSettings, given, environment)
    # sample.env fills ecs_cluster_name in, for the core stack. Were it to win here like the other
    # keys, a forgotten line would put the service into a cluster outside the VPC of the outputs.
    if given["ecs_cluster_name"] not in (IN_DOUBT, outputs.ecs_cluster_name):
        message = (
            f"the outputs in {shown_name(source.core_outputs_file)} are of cluster "
            f'"{outputs.ecs_cluster_name}"; write that, or leave it empty'
        )
        invalid.setdefault("ecs_cluster_name", message)
    return existing, [*found, *invalid.items()]


def _rest_from(
    outputs: CoreOutputs,
    outputs_file: str,
    values: _Values,
    by_hand: _Values,
    environment: AwsEnvironment,
) -> tuple[dict[str, object], _Invalid]:
    """Return what the outputs say of what is not given by hand."""
    rest: dict[str, object] = {
        "vpc_name": None,
        "vpc": None if "vpc_name" in by_hand else outputs.vpc,
        "ecs_cluster_name": outputs.ecs_cluster_name,
        "ecs_task_execution_role_arn": outputs.task_execution_role_arn,
    }
    if by_hand.keys() >= _NAMESPACE:
        return rest, []
    name, invalid = _chosen_namespace(values, outputs.ecs_cluster_name, environment)
    if name in outputs.namespace_names:
        index = outputs.namespace_names.index(name)
        rest["namespace_name"] = name
        rest["namespace_arn"] = outputs.namespace_arns[index]
        rest["namespace_id"] = outputs.namespace_ids[index]
    elif name is not None:
        key = "namespace_name" if "namespace_name" in by_hand else "namespaces"
        message = (
            f"the outputs in {shown_name(outputs_file)} have no namespace {_repeated(name)}; "
            f"expected one of {shown_names(outputs.namespace_names)}"
        )
        invalid.append((key, message))
    return rest, invalid


def _is_filled_in(value: object) -> bool:
    return value is IN_DOUBT or (
        isinstance(value, str) and bool(value) and not has_placeholder(value)
    )


def _repeated(name: str) -> str:
    return "of this name" if may_be_credential(name) else name


# --- Several files --------------------------------------------------------------------------------


def _collisions(settings: Settings, deployment: Sequence[Settings]) -> Iterator[Problem]:
    """Find what is already taken by a file before this one."""
    reported = set()
    for other, this in combinations(deployment, 2):
        if this is not settings:
            continue
        apart = _environment(other) != _environment(this)
        for key, consequence, fact in _UNIQUE:
            # One app has each name of a stack once, wherever the stack goes.
            if apart and key != "stack_prefix":
                continue
            if key not in reported and _meet(fact(this), fact(other)):
                reported.add(key)
                message = f"is the same in {shown_name(str(other.env_file))}: {consequence}"
                yield Problem(key, message, _shown(settings, key))


def _meet(one: object, other: object) -> bool:
    """Tell whether two facts are the same, or two sets of names have one in common."""
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return not one.isdisjoint(other)
    return one == other


def _crowded_role(settings: Settings, deployment: Sequence[Settings]) -> Iterator[Problem]:
    """Find a role that cannot take the policies of all services whose tasks it starts.

    Reported once, with the last of them.
    """
    sharing = [other for other in deployment if _role(other) == _role(settings)]
    size = sum(other.size_of_start_policy for other in sharing)
    if settings is not sharing[-1] or size <= LARGEST_ROLE_POLICIES:
        return
    if len(sharing) == 1:
        key, instead = "container_secrets", "name fewer (the keys of one JSON secret count once)"
    else:
        key, instead = "ecs_cluster_name", "put some of them on another core, or name fewer secrets"
    services = "this service" if len(sharing) == 1 else f"{len(sharing)} services"
    message = (
        f"to start the tasks of {services} the role needs policies of up to {size} characters, of "
        f"the {LARGEST_ROLE_POLICIES} that IAM allows a role; {instead}"
    )
    yield Problem(key, message, _shown(settings, key))


def _role(settings: Settings) -> object:
    """Tell which role starts the tasks of the service."""
    if there := settings.existing_platform:
        return there.ecs_task_execution_role_arn
    return _environment(settings), settings.service.ecs_cluster_name


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
    return Problem(
        "namespaces",
        f"{shown_name(str(env_file))} creates no namespace "
        f"{_repeated(shared.namespace_name)}; expected one of {names}",
    )


def _environment(settings: Settings) -> tuple[str, str]:
    return settings.account_number, settings.aws_region


def _shown(settings: Settings, key: str) -> str | None:
    section = settings if hasattr(settings, key) else settings.service
    return _given(key, getattr(section, key))
