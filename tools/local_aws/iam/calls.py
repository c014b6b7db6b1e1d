"""The permissions that a call to an API needs: actions, resources and condition keys.

The Service Authorization Reference has the resource types of each action; cfn-lint contains a copy.
The reference does not say which of them a request must name, nor the condition keys of an action.
So this module finds the resources of each type in a request, their condition keys, and the
permissions that a call needs besides its own action. To add a type or an action, read the page of
the service in the reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ministack.services import cloudformation, ec2, ecs, iam

EVERYTHING = "*"


class UnjudgedError(Exception):
    """This module does not know which permissions the call needs; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request to an API. ``parameters`` are its JSON, or the lists of values of a query API.

    ``known_arn`` is the resource as MiniStack determines it: it knows the ARNs that it generates.
    """

    service: str
    """The prefix of the service's actions in IAM."""
    operation: str
    parameters: Mapping[str, Any]
    path: str
    account: str
    region: str
    known_arn: str = EVERYTHING

    @property
    def action(self) -> str:
        return f"{self.service}:{self.operation}"

    def texts(self, *names: str) -> list[str]:
        """Return the values of these parameters, also those in lists."""
        found: list[str] = []
        for name in names:
            value = self.parameters.get(name, [])
            found += value if isinstance(value, list) else [str(value)]
            member = re.compile(rf"{name}(?:\.member)?\.\d+$")
            for key, values in self.parameters.items():
                if member.match(key):
                    found += values
        return [text for text in found if isinstance(text, str) and text]

    def text(self, *names: str) -> str:
        return next(iter(self.texts(*names)), "")

    def arn(self, resource: str, *, service: str = "", region: str | None = None) -> str:
        where = self.region if region is None else region
        return f"arn:aws:{service or self.service}:{where}:{self.account}:{resource}"

    def arns(self, prefix: str, *names: str) -> list[str]:
        """Return the ARNs of the resources in these parameters, given by name or by ARN."""
        return [
            text if text.startswith("arn:") else self.arn(f"{prefix}{text.removeprefix('/')}")
            for text in self.texts(*names)
        ]


@dataclass(frozen=True, kw_only=True)
class Check:
    """A permission that a call needs; ``keys`` are its condition keys, in lower case."""

    action: str
    resource: str
    keys: Mapping[str, Any] = field(default_factory=dict)


def checks(call: Call) -> list[Check]:
    """Return all permissions that a call needs; ``UnjudgedError`` if that is unknown."""
    keys = _keys(call)
    own = [Check(action=call.action, resource=resource, keys=keys) for resource in _resources(call)]
    return [*own, *_tagging(call), *_passed_roles(call)]


def _resources(call: Call) -> list[str]:
    if call.action in _BY_ACTION:
        return _BY_ACTION[call.action](call)
    types = _resource_types(call.action)
    known = [each for each in types if each in _BY_TYPE]
    if types and not known:
        raise UnjudgedError(
            f"{call.action} is authorised on {' or '.join(types)}, which calls.py does not know"
        )
    named = [resource for each in known for resource in _BY_TYPE[each](call)]
    # A request that names no resource is about all of them.
    return named or [EVERYTHING]


def _resource_types(action: str) -> tuple[str, ...]:
    """Return the resource types of an action, like `ecs:service`; none if it has only `*`."""
    service, _, name = action.partition(":")
    try:
        types = _service_authorization()[service]["Actions"][name.lower()].get("Resources", [])
    except KeyError:
        raise UnjudgedError(f"the Service Authorization data has no {action}") from None
    return tuple(f"{service}:{each}" for each in types)


@cache
def _service_authorization() -> dict[str, Any]:
    # Only located, not imported, since the package takes a while to load.
    package = find_spec("cfnlint")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed")
    file = Path(package.origin).parent / "data" / "AdditionalSpecs" / "Policies.json"
    services: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return services


# --- The resources of a request.


def _in_cluster(call: Call, kind: str, *names: str) -> list[str]:
    cluster = _cluster(call).rpartition("/")[2]
    return [
        text if text.startswith("arn:") else call.arn(f"{kind}/{cluster}/{text}")
        for text in call.texts(*names)
    ]


def _cluster(call: Call) -> str:
    name = call.text("cluster") or "default"
    return name if name.startswith("arn:") else call.arn(f"cluster/{name}")


def _clusters(call: Call) -> list[str]:
    return call.arns("cluster/", "clusters") or [_cluster(call)]


def _task_definitions(call: Call) -> list[str]:
    if family := call.text("family"):
        # The next revision, which the call registers.
        revision = 1 + int(ecs._task_def_latest.get(family, 0))
        return [call.arn(f"task-definition/{family}:{revision}")]
    return call.arns("task-definition/", "taskDefinition")


def _stacks(call: Call) -> list[str]:
    found = []
    for name in call.texts("StackName", "StackId"):
        stack = cloudformation._stacks.get(name)
        known = stack["StackId"] if stack else call.arn(f"stack/{name}/*")
        found.append(name if name.startswith("arn:") else known)
    return found


def _projects(call: Call) -> list[str]:
    # IAM authorises a build on its project; the id of a build is `<project>:<number>`.
    builds = [text.rpartition("/")[2].partition(":")[0] for text in call.texts("ids", "id")]
    named = call.texts("projectName", "name", "names")
    return [call.arn(f"project/{name}") for name in (*named, *builds)]


def _log_groups(call: Call) -> list[str]:
    # AWS's own error messages have the ARN of the group with an empty name of a stream.
    return [f"{each}:log-stream:" for each in _log_group_arns(call)]


def _log_streams(call: Call) -> list[str]:
    stream = call.text("logStreamName")
    return [f"{each}:log-stream:{stream}" for each in _log_group_arns(call)]


def _log_group_arns(call: Call) -> list[str]:
    named = call.arns("log-group:", "logGroupIdentifier")
    # A slash at the beginning belongs to the name.
    return named or [call.arn(f"log-group:{name}") for name in call.texts("logGroupName")]


def _parameters(call: Call) -> list[str]:
    return call.arns("parameter/", "Name", "Names")


def _roles(call: Call) -> list[str]:
    return [
        iam._roles.get(name, {}).get("Arn") or call.arn(f"role/{name}", region="")
        for name in call.texts("RoleName")
    ]


def _service_linked_roles(call: Call) -> list[str]:
    service = call.text("AWSServiceName")
    return [call.arn(f"role/aws-service-role/{service}/*", region="")]


def _of_path(prefix: str) -> Callable[[Call], list[str]]:
    """Return a function that appends the last part of the path to a prefix."""
    return lambda call: [f"{prefix}{call.path.rpartition('/')[2]}"]


def _pipelines(call: Call) -> list[str]:
    pipeline = call.parameters.get("pipeline", {})
    inner = [pipeline["name"]] if isinstance(pipeline, dict) and "name" in pipeline else []
    return [call.arn(name) for name in (*call.texts("name", "pipelineName"), *inner)]


def _part_of_pipeline(call: Call, *parameters: str) -> list[str]:
    return [call.arn("/".join(call.text(name) for name in ("pipelineName", *parameters)))]


def _functions(call: Call) -> list[str]:
    name = unquote(call.path.partition("/functions/")[2].partition("/")[0])
    if not name or name.startswith("arn:"):
        return [name] if name else []
    return [call.arn(f"function:{name}")]


def _known(call: Call) -> list[str]:
    return [call.known_arn]


def _listed_tasks(call: Call) -> list[str]:
    instance = call.text("containerInstance") or EVERYTHING
    return _in_cluster(call, "container-instance", "containerInstance") or [
        call.arn(f"container-instance/{_cluster(call).rpartition('/')[2]}/{instance}")
    ]


_BY_TYPE: dict[str, Callable[[Call], list[str]]] = {
    "application-autoscaling:ScalableTarget": lambda _: [EVERYTHING],  # its ARN has a random id
    "cloudformation:stack": _stacks,
    "cloudwatch:alarm": lambda call: [
        call.arn(f"alarm:{name}") for name in call.texts("AlarmName", "AlarmNames")
    ],
    "codebuild:project": _projects,
    "codeconnections:Connection": lambda call: call.texts("ConnectionArn"),
    "codepipeline:action": lambda call: _part_of_pipeline(call, "stageName", "actionName"),
    "codepipeline:pipeline": _pipelines,
    "codepipeline:stage": lambda call: _part_of_pipeline(call, "stageName"),
    "codestar-connections:Connection": lambda call: call.texts("ConnectionArn"),
    "ec2:security-group": lambda call: call.arns("security-group/", "GroupId"),
    "ec2:vpc": lambda call: call.arns("vpc/", "VpcId"),
    "ecr:repository": lambda call: call.arns("repository/", "repositoryName", "repositoryNames"),
    "ecs:cluster": _clusters,
    "ecs:service": lambda call: _in_cluster(call, "service", "service", "services", "serviceName"),
    "ecs:task": lambda call: _in_cluster(call, "task", "task", "tasks"),
    "ecs:task-definition": _task_definitions,
    "iam:policy": lambda call: call.texts("PolicyArn"),
    "iam:role": _roles,
    "lambda:function": _functions,
    "logs:log-group": _log_groups,
    "logs:log-stream": _log_streams,
    "route53:hostedzone": _of_path("arn:aws:route53:::hostedzone/"),
    "secretsmanager:Secret": _known,
    "servicediscovery:namespace": lambda call: call.arns("namespace/", "Id", "NamespaceId"),
    "servicequotas:quota": lambda call: [
        call.arn(f"{call.text('ServiceCode')}/{code}") for code in call.texts("QuotaCode")
    ],
    "sns:topic": lambda call: call.texts("TopicArn"),
    "ssm:parameter": _parameters,
    "sts:role": lambda call: call.texts("RoleArn"),
}
# Actions whose resource does not follow from its type.
_BY_ACTION: dict[str, Callable[[Call], list[str]]] = {
    # Fargate has no container instances: the resource is all of the cluster.
    "ecs:ListTasks": _listed_tasks,
    "ecs:TagResource": lambda call: call.texts("resourceArn"),
    "ecs:UntagResource": lambda call: call.texts("resourceArn"),
    "ecs:ListTagsForResource": lambda call: call.texts("resourceArn"),
    "iam:CreateServiceLinkedRole": _service_linked_roles,
}


# --- Condition keys.

# Calls with the key ec2:Vpc of the security group that they name.
_GROUP_ACTIONS = re.compile(r"ec2:(Authorize|Revoke)SecurityGroup(Ingress|Egress)$")


def _keys(call: Call) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if call.service == "ecs" and ("cluster" in call.parameters or "service" in call.parameters):
        keys["ecs:cluster"] = _cluster(call)
    if _GROUP_ACTIONS.match(call.action):
        group = ec2._security_groups.get(call.text("GroupId"))
        if group:
            keys["ec2:vpc"] = call.arn(f"vpc/{group['VpcId']}")
    if call.action == "sts:AssumeRole":
        keys["sts:externalid"] = call.text("ExternalId") or None
        keys["sts:rolesessionname"] = call.text("RoleSessionName") or None
    if call.action == "iam:CreateServiceLinkedRole":
        keys["iam:awsservicename"] = call.text("AWSServiceName")
    return keys


KNOWN_KEYS = frozenset(
    {
        "ec2:vpc",
        "ecs:cluster",
        "ecs:createaction",
        "iam:awsservicename",
        "iam:passedtoservice",
        "sts:externalid",
        "sts:rolesessionname",
    }
)
"""Keys of services that `_keys` and the functions below set on every call that has them."""


# --- Permissions that a call needs besides its own action.

# A call that creates a resource with tags also needs the permission to tag at this creation.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
_TAGGED_AT_CREATION = ("ecs:RegisterTaskDefinition", "ecs:CreateService", "ecs:CreateCluster",
                       "ecs:RunTask")  # fmt: skip


def _tagging(call: Call) -> Iterator[Check]:
    if call.action == "sts:AssumeRole" and any(key.startswith("Tags.") for key in call.parameters):
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
        yield Check(action="sts:TagSession", resource=call.text("RoleArn"), keys=_keys(call))
    if call.action in _TAGGED_AT_CREATION and call.parameters.get("tags"):
        keys = _keys(call) | {"ecs:createaction": call.operation}
        for resource in _resources(call):
            yield Check(action="ecs:TagResource", resource=resource, keys=keys)


# The service principal to which a request of a service passes a role. Sources: each service's page
# on passing roles, and `iam:PassedToService` in the policies that AWS publishes.
_PASSED_TO = {
    "application-autoscaling": "application-autoscaling.amazonaws.com",
    "cloudformation": "cloudformation.amazonaws.com",
    "codebuild": "codebuild.amazonaws.com",
    "codepipeline": "codepipeline.amazonaws.com",
    "ecs": "ecs-tasks.amazonaws.com",
    "events": "events.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
}
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$")
# Requests of these services contain roles, but pass none.
_ABOUT_ROLES = ("iam", "sts")


def _passed_roles(call: Call) -> Iterator[Check]:
    """Yield iam:PassRole for each role anywhere in the request.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    if call.service in _ABOUT_ROLES:
        return
    for role in dict.fromkeys(_role_arns(call.parameters)):
        if call.service not in _PASSED_TO:
            raise UnjudgedError(f"{call.action} passes {role} to a service that calls.py lacks")
        service = _PASSED_TO[call.service]
        yield Check(action="iam:PassRole", resource=role, keys={"iam:passedtoservice": service})


def _role_arns(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _ROLE.match(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _role_arns(item)
    elif isinstance(value, list):
        for item in value:
            yield from _role_arns(item)
