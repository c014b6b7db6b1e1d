"""The platform of a service: the core that its file creates, one of another file, or what exists.

With ``core_outputs_file`` the outputs say everything about an existing platform. Then
``namespace_name`` chooses one of their namespaces.
"""

from collections.abc import Mapping, Set
from pathlib import Path

from .aws_types import AwsEnvironment
from .core_outputs import CoreOutputs, read_core_outputs
from .model import (
    REPORTED,
    CoreOutputsSettings,
    CoreSettings,
    ExistingPlatformSettings,
    NamespaceChoice,
    Platform,
    SharedCoreSettings,
    validated,
)
from .names import namespace_name
from .parsing import as_bool, has_placeholder
from .redaction import shown_item, shown_name, shown_names
from .report import InvalidValueError

Values = Mapping[str, object]
Invalid = list[tuple[str, str]]
"""Keys, and what is expected of their values."""

_SAID_BY_THE_OUTPUTS = ("vpc_name", "namespace_arn", "namespace_id")


def creates_core(values: Values) -> bool | None:
    """Tell whether a file creates a core stack; None if it does not say so clearly."""
    try:
        return as_bool(values.get("deploy_core_stack"))
    except InvalidValueError:
        return None


def find_platform(
    values: Values, folder: Path, created_clusters: Set[object], environment: AwsEnvironment
) -> tuple[Platform | None, Invalid]:
    """Return what the service of a file runs on, or None and what is wrong.

    ``created_clusters`` are those that other files of the deployment create. A relative
    ``core_outputs_file`` starts at ``folder``.
    """
    creates = creates_core(values)
    if creates is None:
        return None, []  # the checks of the target report it
    if creates:
        core, wrong = validated(CoreSettings, values, environment)
        return core, [*wrong.items()]
    if values.get("ecs_cluster_name") in created_clusters:
        return _shared_core(values, environment)
    source, wrong = validated(CoreOutputsSettings, values, environment)
    if source is None:
        return None, [*wrong.items()]
    if source.core_outputs_file is None:
        existing, wrong = validated(ExistingPlatformSettings, {**values, "vpc": None}, environment)
        return existing, [*wrong.items()]
    return _from_outputs(source.core_outputs_file, values, folder, environment)


def _shared_core(
    values: Values, environment: AwsEnvironment
) -> tuple[SharedCoreSettings | None, Invalid]:
    cluster = values["ecs_cluster_name"]
    name, wrong = _chosen_namespace(values, cluster, environment)
    named = {"ecs_cluster_name": cluster, "namespace_name": name}
    core, wrong_name = validated(SharedCoreSettings, named, environment)
    return core, [*wrong, *wrong_name.items()]


def _chosen_namespace(
    values: Values, cluster: object, environment: AwsEnvironment
) -> tuple[object, Invalid]:
    """Return the full name of the namespace on a core that the file does not create."""
    if is_filled_in(values.get("namespace_name")):
        return values["namespace_name"], []
    choice, wrong = validated(NamespaceChoice, values, environment)
    if choice is None:
        return REPORTED, [*wrong.items()]
    return namespace_name(choice.namespaces[0], str(cluster)), []


def _from_outputs(
    file: str, values: Values, folder: Path, environment: AwsEnvironment
) -> tuple[ExistingPlatformSettings | None, Invalid]:
    outputs, messages = read_core_outputs(folder / file, environment)
    wrong: Invalid = [("core_outputs_file", message) for message in messages]
    wrong += [
        (key, f"leave it empty: the outputs in {shown_name(file)} say it already")
        for key in _SAID_BY_THE_OUTPUTS
        if is_filled_in(values.get(key)) and values[key] is not REPORTED
    ]
    if outputs is None:
        return None, wrong
    cluster = values.get("ecs_cluster_name")
    # sample.env fills ecs_cluster_name in, for the core stack. A user who forgets that line must
    # not get a service in a cluster outside of the VPC of the outputs.
    if cluster not in (None, "", REPORTED, outputs.ecs_cluster_name):
        message = (
            f"the outputs in {shown_name(file)} are of cluster "
            f'"{outputs.ecs_cluster_name}"; write that, or leave it empty'
        )
        wrong.append(("ecs_cluster_name", message))
    index, wrong_namespace = _place_of_namespace(file, outputs, values, environment)
    if index is None:
        return None, [*wrong, *wrong_namespace]
    given = {
        "vpc_name": None,
        "vpc": outputs,
        "ecs_cluster_name": outputs.ecs_cluster_name,
        "namespace_name": outputs.namespace_names[index],
        "namespace_arn": outputs.namespace_arns[index],
        "namespace_id": outputs.namespace_ids[index],
    }
    existing, wrong_values = validated(ExistingPlatformSettings, given, environment)
    return existing, [*wrong, *wrong_values.items()]


def _place_of_namespace(
    file: str, outputs: CoreOutputs, values: Values, environment: AwsEnvironment
) -> tuple[int | None, Invalid]:
    """Return the place of the service's namespace in the lists of the outputs."""
    name, wrong = _chosen_namespace(values, outputs.ecs_cluster_name, environment)
    if name in outputs.namespace_names:
        return outputs.namespace_names.index(str(name)), []
    if name is not REPORTED:
        is_by_name = is_filled_in(values.get("namespace_name"))
        message = (
            f"the outputs in {shown_name(file)} have no namespace {shown_item(str(name))}; "
            f"expected one of {shown_names(outputs.namespace_names)}"
        )
        wrong.append(("namespace_name" if is_by_name else "namespaces", message))
    return None, wrong


def is_filled_in(value: object) -> bool:
    """Tell whether the user has given a value, rather than left the placeholder of sample.env."""
    return value is REPORTED or (
        isinstance(value, str) and bool(value) and not has_placeholder(value)
    )
