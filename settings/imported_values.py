"""The values of an existing platform: given by hand, or by the outputs of an earlier deploy."""

from collections.abc import Mapping
from pathlib import Path

from core_infra.names import namespace_name

from .core_outputs import CoreOutputs, read_core_outputs
from .credentials import may_be_credential, shown_name, shown_names
from .dns_name import namespace_full_name, namespace_labels
from .keys import IMPORT_KEYS
from .place import Place
from .problems import UnfitError

Values = dict[str, object]
Misfits = list[tuple[str, str]]


def imported_values(texts: Mapping[str, str], folder: Path, place: Place) -> tuple[Values, Misfits]:
    """Return the values of `ExistingPlatformSettings`, and (key, message) for what is wrong.

    Without `core_outputs_file`, everything is given by hand. With it, what is given by hand wins,
    and the file, whose path is relative to `folder`, gives the rest.
    """
    by_hand: Values = {key: texts[key] for key in IMPORT_KEYS if texts.get(key)}
    if not texts.get("core_outputs_file"):
        return {**by_hand, "vpc": None}, []
    outputs, messages = read_core_outputs(folder / texts["core_outputs_file"], place)
    if outputs is None:
        return by_hand, [("core_outputs_file", message) for message in messages]
    from_file: Values = {
        "vpc_name": None,
        "vpc": None if "vpc_name" in by_hand else outputs.vpc,
        "ecs_cluster_name": outputs.ecs_cluster_name,
        "ecs_task_execution_role_arn": outputs.task_execution_role_arn,
    }
    namespace, misfits = _namespace(texts, outputs)
    return {**from_file, **namespace, **by_hand}, _cluster_misfits(texts, outputs) + misfits


def _cluster_misfits(texts: Mapping[str, str], outputs: CoreOutputs) -> Misfits:
    # sample.env fills ecs_cluster_name in, for the core stack. Were it to win here like the other
    # keys, a forgotten line would put the service into a cluster outside the VPC of the outputs.
    if texts.get("ecs_cluster_name") in (None, "", outputs.ecs_cluster_name):
        return []
    message = (
        f"the outputs in {shown_name(texts['core_outputs_file'])} are of cluster "
        f'"{outputs.ecs_cluster_name}"; write that, or leave it empty'
    )
    return [("ecs_cluster_name", message)]


def _namespace(texts: Mapping[str, str], outputs: CoreOutputs) -> tuple[Values, Misfits]:
    if all(texts.get(key) for key in ("namespace_name", "namespace_arn", "namespace_id")):
        return {}, []
    key = "namespace_name" if texts.get("namespace_name") else "namespaces"
    if key not in texts:
        return {}, []
    try:
        if key == "namespace_name":
            name = namespace_full_name(texts[key])
        else:
            name = namespace_name(namespace_labels(texts[key])[0], outputs.ecs_cluster_name)
        if name not in outputs.namespace_names:
            raise UnfitError(
                f"the outputs in {shown_name(texts['core_outputs_file'])} have no namespace "
                f"{'of this name' if may_be_credential(name) else name}; "
                f"expected one of {shown_names(outputs.namespace_names)}"
            )
    except UnfitError as unfit:
        return {}, [(key, str(unfit))]
    index = outputs.namespace_names.index(name)
    return {
        "namespace_name": name,
        "namespace_arn": outputs.namespace_arns[index],
        "namespace_id": outputs.namespace_ids[index],
    }, []
