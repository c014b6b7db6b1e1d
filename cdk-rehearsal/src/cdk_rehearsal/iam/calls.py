"""The permissions that a call to an API needs: actions, resources and condition keys.

The Service Authorization Reference (`authorization`) has the resource types of each action. This
module finds the resources of each type in a request, their condition keys, and the permissions that
a call needs besides its own action; `s3_calls` does it for S3. To add a type or an action, read the
page of the service in the reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.services import cloudformation, ecs, iam, secretsmanager

from cdk_rehearsal.iam import stack_roles
from cdk_rehearsal.iam.authorization import UnjudgedError, resource_types
from cdk_rehearsal.iam.handlers import table
from cdk_rehearsal.iam.s3_calls import of_s3
from cdk_rehearsal.iam.values import texts
from cdk_rehearsal.server.api_request import ApiRequest

EVERYTHING = "*"


@dataclass(frozen=True, kw_only=True)
class Check:
    """A permission that a call needs; ``keys`` are its condition keys, in lower case."""

    action: str
    resource: str
    keys: Mapping[str, Any] = field(default_factory=dict)


def checks(call: ApiRequest) -> list[Check]:
    """Return all permissions that a call needs; ``UnjudgedError`` if that is unknown."""
    if call.service == "s3":
        return [
            Check(action=f"s3:{each}", resource=arn, keys=keys) for each, arn, keys in of_s3(call)
        ]
    keys = _keys(call)
    own = [Check(action=call.action, resource=resource, keys=keys) for resource in _resources(call)]
    found = [*own, *_of_secrets(call), *_tagging(call), *_passed_roles(call)]
    for each in found:
        _require_here(call, each)
    return found


# Services whose ARNs have no region, and services whose ARNs have no account.
_WITHOUT_REGION, _WITHOUT_ACCOUNT = ("iam", "route53", "sts"), ("route53",)
# Services with actions on resources of another service.
_ARN_SERVICES = {
    "codeconnections": ("codeconnections", "codestar-connections"),
    "codestar-connections": ("codeconnections", "codestar-connections"),
    "sts": ("iam",),
}


def _require_here(call: ApiRequest, check: Check) -> None:
    """Refuse the ARN of another place or service.

    Handlers look at the name in an ARN alone, and find what is here.
    """
    if not check.resource.startswith("arn:"):
        return
    own = check.action.partition(":")[0]
    _, partition, service, region, account, *_ = [*check.resource.split(":"), "", "", "", ""]
    if (
        partition != "aws"
        or service not in _ARN_SERVICES.get(own, (own,))
        or region != ("" if own in _WITHOUT_REGION else call.region)
        or account not in (("",) if own in _WITHOUT_ACCOUNT else (call.account, "aws"))
    ):
        raise UnjudgedError(f"{check.resource} is not of {own} in {call.region} of {call.account}")


def _resources(call: ApiRequest) -> list[str]:
    if call.action in _OF_FEDERATION:
        raise UnjudgedError("there are no identity providers here")
    if call.action in _BY_ACTION:
        return _BY_ACTION[call.action](call) or [EVERYTHING]
    types = resource_types(call.action)
    known = [each for each in types if each in _BY_TYPE]
    if types and not known:
        raise UnjudgedError(
            f"{call.action} is authorised on {' or '.join(types)}, which calls.py does not know"
        )
    named = [resource for each in known for resource in _BY_TYPE[each](call)]
    may_name_none = call.operation.startswith(_MAY_NAME_NO_RESOURCE)
    if types and not named and (not may_name_none or call.operation.endswith("Tags")):
        raise UnjudgedError(f"{call.action} names no resource that calls.py knows how to read")
    return named or [EVERYTHING]


# A call that reads and names no resource is about all of them. A new resource may have no name.
_MAY_NAME_NO_RESOURCE = ("BatchGet", "Create", "Describe", "Discover", "Get", "List", "Search")


# --- The resources of a request.


def _in_cluster(call: ApiRequest, kind: str, *names: str) -> list[str]:
    cluster = _cluster(call).rpartition("/")[2]
    found = []
    for text in call.texts(*names):
        arn = text if text.startswith("arn:") else call.arn(f"{kind}/{cluster}/{text}")
        if not arn.endswith(f"/{cluster}/{text.rpartition('/')[2]}"):
            raise UnjudgedError(f"the cluster is {cluster}, and that of {text} is another one")
        found.append(arn)
    return found


def _cluster(call: ApiRequest) -> str:
    return next(iter(_of_ecs(call, "cluster/", "cluster")), call.arn("cluster/default"))


def _clusters(call: ApiRequest) -> list[str]:
    return _of_ecs(call, "cluster/", "clusters", "clusterName") or [_cluster(call)]


def _of_ecs(call: ApiRequest, prefix: str, *names: str) -> list[str]:
    """Return ARNs; of a name that has parts, the handler would take one of them."""
    for text in call.texts(*names):
        if "/" in text and not text.startswith("arn:"):
            raise UnjudgedError(f"{text!a} is no name in ECS")
    return call.arns(prefix, *names)


def _task_definitions(call: ApiRequest) -> list[str]:
    if family := call.text("family"):
        # The next revision, which the call registers.
        revision = 1 + int(ecs._task_def_latest.get(family, 0))
        return [call.arn(f"task-definition/{family}:{revision}")]
    return _of_ecs(call, "task-definition/", "taskDefinition")


def _stacks(call: ApiRequest) -> list[str]:
    found = []
    for name in call.texts("StackName", "StackId"):
        stack = cloudformation._stacks.get(name)
        known = stack["StackId"] if stack else call.arn(f"stack/{name}/*")
        found.append(name if name.startswith("arn:") else known)
    # The id of a change set is enough for its handler, whatever stack is named beside it.
    _, change_set = stack_roles.change_set(call)
    return found + ([change_set["StackId"]] if change_set else [])


def _projects(call: ApiRequest) -> list[str]:
    # IAM authorises a build on its project; the id of a build is `<project>:<number>`.
    builds = [text.rpartition("/")[2].partition(":")[0] for text in call.texts("ids", "id")]
    named = call.texts("projectName", "name", "names")
    return [
        name if name.startswith("arn:") else call.arn(f"project/{name}")
        for name in (*named, *builds)
    ]


def _log_groups(call: ApiRequest) -> list[str]:
    # AWS's own error messages have the ARN of the group with an empty name of a stream.
    return [f"{each}:log-stream:" for each in _log_group_arns(call)]


def _log_streams(call: ApiRequest) -> list[str]:
    stream = call.text("logStreamName")
    return [f"{each}:log-stream:{stream}" for each in _log_group_arns(call)]


def _log_group_arns(call: ApiRequest) -> list[str]:
    named = call.texts("logGroupIdentifier", "logGroupIdentifiers", "logGroupName", "logGroupNames")
    # A slash at the beginning belongs to the name.
    return [each if each.startswith("arn:") else call.arn(f"log-group:{each}") for each in named]


def _parameters(call: ApiRequest) -> list[str]:
    # After its name there may be a version or a label.
    named = call.arns("parameter/", "Name", "Names", "Path")
    return [":".join(each.split(":")[:_ARN_PARTS]) for each in named]


_ARN_PARTS = 6


def _groups(call: ApiRequest) -> list[str]:
    if call.texts("GroupName"):
        raise UnjudgedError("a security group is named by its name, not by its id")
    return call.arns("security-group/", "GroupId")


def _roles(call: ApiRequest) -> list[str]:
    return [
        iam._roles.get(name, {}).get("Arn") or call.arn(f"role/{name}", region="")
        for name in call.texts("RoleName")
    ]


def _hosted_zones(call: ApiRequest) -> list[str]:
    zones = call.texts("Id", "HostedZoneId")
    return [f"arn:aws:route53:::hostedzone/{each.rpartition('/')[2]}" for each in zones]


def _pipelines(call: ApiRequest) -> list[str]:
    pipeline = call.parameters.get("pipeline", {})
    inner = [pipeline["name"]] if isinstance(pipeline, dict) and "name" in pipeline else []
    return [call.arn(name) for name in (*call.texts("name", "pipelineName"), *inner)]


def _part_of_pipeline(call: ApiRequest, *parameters: str) -> list[str]:
    return [call.arn("/".join(call.text(name) for name in ("pipelineName", *parameters)))]


_PART_OF_ARN = re.compile(r"\d{12}:|function:|[^:]*:[^:]*:")


def _functions(call: ApiRequest) -> list[str]:
    """Return the function that is named by its name, perhaps with a version, or its ARN."""
    found = call.arns("function:", "FunctionName")
    for name in call.texts("FunctionName"):
        if not name.startswith("arn:") and _PART_OF_ARN.match(name):
            raise UnjudgedError(f"{name!a} names no function")
    return found


def _secrets(call: ApiRequest) -> list[str]:
    """Return the ARNs of secrets: Secrets Manager ends them with six characters of its own."""
    found = []
    for name in call.texts("SecretId", "Name", "SecretIdList"):
        _, secret = secretsmanager._resolve(name)
        unknown = name if name.startswith("arn:") else call.arn(f"secret:{name}-??????")
        found.append(secret["ARN"] if secret else unknown)
    return found


def _of_secrets(call: ApiRequest) -> Iterator[Check]:
    """Yield what several secrets at once need for each of them.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
    """
    if call.action == "secretsmanager:BatchGetSecretValue":
        if call.parameters.get("Filters"):
            raise UnjudgedError("the secrets that Filters selects are unknown before the call")
        for secret in _secrets(call):
            yield Check(action="secretsmanager:GetSecretValue", resource=secret)


def _tables(call: ApiRequest) -> list[str]:
    requested = call.parameters.get("RequestItems")
    return call.arns("table/", "TableName") + [
        each if each.startswith("arn:") else call.arn(f"table/{each}")
        for each in (requested if isinstance(requested, dict) else ())
    ]


def _queues(call: ApiRequest) -> list[str]:
    """Return the queue of a name, or of a URL, which ends with its account and its name."""
    owners = [url.split("/")[-2] for url in call.texts("QueueUrl") if "/" in url]
    if set(owners) - {call.account}:
        raise UnjudgedError(f"the queue is of the account {owners[0]}")
    return [call.arn(each.rpartition("/")[2]) for each in call.texts("QueueName", "QueueUrl")]


def _listed_tasks(call: ApiRequest) -> list[str]:
    instance = call.text("containerInstance") or EVERYTHING
    return _in_cluster(call, "container-instance", "containerInstance") or [
        call.arn(f"container-instance/{_cluster(call).rpartition('/')[2]}/{instance}")
    ]


_BY_TYPE: dict[str, Callable[[ApiRequest], list[str]]] = {
    "application-autoscaling:ScalableTarget": lambda _: [EVERYTHING],  # its ARN has a random id
    "cloudformation:stack": _stacks,
    "cloudwatch:alarm": lambda call: call.arns("alarm:", "AlarmName", "AlarmNames"),
    "codebuild:project": _projects,
    "codeconnections:Connection": lambda call: call.texts("ConnectionArn"),
    "codepipeline:action": lambda call: _part_of_pipeline(call, "stageName", "actionName"),
    "codepipeline:pipeline": _pipelines,
    "codepipeline:stage": lambda call: _part_of_pipeline(call, "stageName"),
    "codestar-connections:Connection": lambda call: call.texts("ConnectionArn"),
    "dynamodb:index": lambda call: [
        f"{table}/index/{name}" for table in _tables(call) for name in call.texts("IndexName")
    ],
    # What a call with an index needs is a permission for the index alone.
    "dynamodb:table": lambda call: [] if call.texts("IndexName") else _tables(call),
    "ec2:security-group": _groups,
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
    "route53:hostedzone": _hosted_zones,
    "secretsmanager:Secret": _secrets,
    "servicediscovery:namespace": lambda call: call.arns("namespace/", "Id", "NamespaceId"),
    "servicequotas:quota": lambda call: [
        call.arn(f"{call.text('ServiceCode')}/{code}") for code in call.texts("QuotaCode")
    ],
    "sns:topic": lambda call: call.arns("", "TopicArn", "TargetArn", "Name"),
    "sqs:queue": _queues,
    "ssm:parameter": _parameters,
    "sts:role": lambda call: call.texts("RoleArn"),
}
# The token of an identity provider authenticates the caller.
_OF_FEDERATION = ("sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoot")
# Actions whose resource does not follow from its type.
_BY_ACTION: dict[str, Callable[[ApiRequest], list[str]]] = {
    # Fargate has no container instances: the resource is all of the cluster.
    "ecs:ListTasks": _listed_tasks,
    "ecs:TagResource": lambda call: call.texts("resourceArn"),
    "ecs:UntagResource": lambda call: call.texts("resourceArn"),
    "ecs:ListTagsForResource": lambda call: call.texts("resourceArn"),
}


# --- Condition keys.


def _keys(call: ApiRequest) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if call.service == "ecs" and ("cluster" in call.parameters or "service" in call.parameters):
        keys["ecs:cluster"] = _cluster(call)
    if call.action == "sts:AssumeRole":
        # The roles of the CDK's bootstrap are assumed without it.
        keys["sts:externalid"] = call.text("ExternalId") or None
    return keys


KNOWN_KEYS = frozenset({"ecs:cluster", "ecs:createaction", "iam:passedtoservice", "sts:externalid"})
"""Keys of services that `_keys` and the functions below set on every call that has them."""


# --- Permissions that a call needs besides its own action.

# A call that creates a resource with tags also needs the permission to tag at this creation.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
_TAGGED_AT_CREATION = ("ecs:RegisterTaskDefinition", "ecs:CreateService", "ecs:CreateCluster",
                       "ecs:RunTask")  # fmt: skip


def _tagging(call: ApiRequest) -> Iterator[Check]:
    if call.action == "sts:AssumeRole" and any(key.startswith("Tags.") for key in call.parameters):
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
        yield Check(action="sts:TagSession", resource=call.text("RoleArn"), keys=_keys(call))
    if call.action in _TAGGED_AT_CREATION and call.parameters.get("tags"):
        keys = _keys(call) | {"ecs:createaction": call.operation}
        for resource in _resources(call):
            yield Check(action="ecs:TagResource", resource=resource, keys=keys)


ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
# Requests of these services contain roles, but pass none.
_ABOUT_ROLES = ("iam", "sts")


def _passed_roles(call: ApiRequest) -> Iterator[Check]:
    """Yield iam:PassRole for each role anywhere in the request.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    if call.service in _ABOUT_ROLES:
        return
    for role in dict.fromkeys(_role_arns(call)):
        # In the calls of ECS it is task definitions that have roles.
        service = "ecs-tasks" if call.service == "ecs" else call.service
        if service not in table()["passed_to"].values():
            raise UnjudgedError(f"{call.action} passes {role} to a service that nobody knows")
        keys = {"iam:passedtoservice": f"{service}.amazonaws.com"}
        yield Check(action="iam:PassRole", resource=role, keys=keys)


# Names of parameters that contain a role, and of maps whose keys the caller chooses.
_HOLDS_ROLE = re.compile(r"role(arn)?$", re.IGNORECASE)
_FREE_KEYS = ("dockerLabels", "options", "tags", "Tags", "Variables")


def _role_arns(call: ApiRequest) -> Iterator[str]:
    for path, text in texts(call.parameters):
        is_named_freely = len(path) > 1 and path[-2] in _FREE_KEYS
        if ROLE.fullmatch(text):
            yield text
        elif text and not is_named_freely and _HOLDS_ROLE.search(path[-1]):
            raise UnjudgedError(f"{path[-1]} is {text!a}, and not the ARN of a role")
