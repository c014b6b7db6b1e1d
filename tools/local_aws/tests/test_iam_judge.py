"""Whoever is not root is judged, in every service and by every entrance."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.local_aws import LocalAws
from tools.local_aws.access import Access
from tools.local_aws.iam import judge
from tools.local_aws.iam.calls import Call
from tools.local_aws.tests.raw_requests import Answer, send, signature

ACCOUNT = "111122223333"
REGION = "eu-west-1"
NO_TOKEN = "11111111-2222-3333-4444-555555555555"  # noqa: S105 - of no approval

pytestmark = pytest.mark.slow


@contextmanager
def refused(*parts: str) -> Iterator[None]:
    """The call in the block is refused, and the answer says these things."""
    with pytest.raises(ClientError) as error:
        yield
    said = str(error.value)
    assert "ot authorized to perform" in said, said
    for part in parts:
        assert part in said, said


def allow(*actions: str, on: str | list[str] = "*", **conditions: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return statement | ({"Condition": conditions} if conditions else {})


@pytest.fixture
def user(local_aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[Callable[..., Access]]:
    """Make users; they are gone after the test."""
    names: list[str] = []

    def make(*statements: Mapping[str, Any]) -> Access:
        names.append(f"user-{len(names)}-{abs(hash(request.node.name))}")
        return local_aws.access.user(names[-1], *statements)

    yield make
    iam = local_aws.client("iam")
    for name in names:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName=name)
        iam.delete_user(UserName=name)


def trust(principal: Mapping[str, Any]) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def role(client: Callable[[str], Any]) -> Iterator[Callable[..., str]]:
    """Make roles; they are gone after the test."""
    names: list[str] = []
    iam = client("iam")

    def make(principal: Mapping[str, Any], *statements: Mapping[str, Any], **more: Any) -> str:
        names.append(f"role-{len(names)}")
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        made = iam.create_role(
            RoleName=names[-1], AssumeRolePolicyDocument=trust(principal), **more
        )
        if statements:
            iam.put_role_policy(
                RoleName=names[-1], PolicyName="own", PolicyDocument=json.dumps(document)
            )
        return str(made["Role"]["Arn"])

    yield make
    for name in names:
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)


def test_what_no_policy_allows_is_refused(user: Callable[..., Access]) -> None:
    nobody = user(allow("sts:GetCallerIdentity"))
    with refused("ecs:ListClusters"):
        nobody.client("ecs").list_clusters()
    assert "user/" in nobody.client("sts").get_caller_identity()["Arn"]


def test_an_action_that_no_table_knows_is_refused_and_named(user: Callable[..., Access]) -> None:
    admin = user(allow("*"))
    with refused("not judged here", "dynamodb:table"):
        admin.client("dynamodb").describe_table(TableName="t")


def test_a_condition_key_that_no_table_knows_is_refused_and_named(
    user: Callable[..., Access],
) -> None:
    somebody = user(allow("ecr:PutImage", StringEquals={"ecr:ResourceTag/a": "b"}))
    with refused("not judged here", "ecr:resourcetag/a"):
        somebody.client("ecr").put_image(repositoryName="repo", imageManifest="{}")


@pytest.mark.parametrize(
    ("service", "operation", "request_", "resource"),
    [
        ("ecs", "describe_services", {"cluster": "c", "services": ["s"]}, "ecs:{}:service/c/s"),
        ("ecs", "update_service", {"cluster": "c", "service": "s"}, "ecs:{}:service/c/s"),
        ("ecs", "describe_tasks", {"cluster": "c", "tasks": ["t"]}, "ecs:{}:task/c/t"),
        ("ecs", "describe_clusters", {"clusters": ["c"]}, "ecs:{}:cluster/c"),
        ("ecs", "list_tasks", {"cluster": "c"}, "ecs:{}:container-instance/c/*"),
        ("ecr", "describe_repositories", {"repositoryNames": ["one"]}, "ecr:{}:repository/one"),
        ("codebuild", "batch_get_builds", {"ids": ["p:1"]}, "codebuild:{}:project/p"),
        ("codebuild", "batch_get_projects", {"names": ["p"]}, "codebuild:{}:project/p"),
        ("codepipeline", "get_pipeline_state", {"name": "p"}, "codepipeline:{}:p"),
        (
            "codepipeline",
            "put_approval_result",
            {
                "pipelineName": "p",
                "stageName": "s",
                "actionName": "a",
                "token": NO_TOKEN,
                "result": {"summary": "", "status": "Approved"},
            },
            "codepipeline:{}:p/s/a",
        ),
        (
            "codepipeline",
            "retry_stage_execution",
            {
                "pipelineName": "p",
                "stageName": "s",
                "pipelineExecutionId": NO_TOKEN,
                "retryMode": "FAILED_ACTIONS",
            },
            "codepipeline:{}:p/s",
        ),
        (
            "logs",
            "get_log_events",
            {"logGroupName": "/a/b", "logStreamName": "s"},
            "logs:{}:log-group:/a/b:log-stream:s",
        ),
        ("ssm", "get_parameters", {"Names": ["/a", "b"]}, "ssm:{}:parameter/a"),
        ("lambda", "invoke", {"FunctionName": "f"}, "lambda:{}:function:f"),
        (
            "ecr",
            "get_download_url_for_layer",
            {"repositoryName": "a/b", "layerDigest": "sha256:0"},
            "ecr:{}:repository/a/b",
        ),
        (
            "servicediscovery",
            "get_namespace",
            {"Id": "ns-1"},
            "servicediscovery:{}:namespace/ns-1",
        ),
    ],
)
def test_a_call_is_judged_on_the_resource_that_it_names(
    user: Callable[..., Access],
    service: str,
    operation: str,
    request_: dict[str, Any],
    resource: str,
) -> None:
    arn = f"arn:aws:{resource.format(f'{REGION}:{ACCOUNT}')}"
    somebody = user(allow("*", on=f"{arn}-other"))
    with refused(f"on resource: {arn}"):
        getattr(somebody.client(service), operation)(**request_)


def test_of_several_resources_each_must_be_allowed(user: Callable[..., Access]) -> None:
    one = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/one"
    somebody = user(allow("ecr:DescribeRepositories", on=one))
    with refused("repository/two"):
        somebody.client("ecr").describe_repositories(repositoryNames=["one", "two"])


def test_a_key_of_the_service_confines_a_call(user: Callable[..., Access]) -> None:
    mine = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/mine"
    somebody = user(allow("ecs:ListTasks", ArnEquals={"ecs:cluster": mine}))
    with refused("ecs:ListTasks"):
        somebody.client("ecs").list_tasks(cluster="other")
    somebody.client("ecs").list_tasks(cluster="mine")


DEFINITION = {
    "family": "f",
    "containerDefinitions": [{"name": "c", "image": "i", "memory": 64}],
}


def test_who_hands_over_a_role_must_be_allowed_to_pass_it(
    user: Callable[..., Access], role: Callable[..., str]
) -> None:
    arn = role({"Service": "ecs-tasks.amazonaws.com"})
    may_register = allow("ecs:RegisterTaskDefinition")
    with refused("iam:PassRole", arn):
        user(may_register).client("ecs").register_task_definition(**DEFINITION, taskRoleArn=arn)
    to_lambda = {"iam:PassedToService": "lambda.amazonaws.com"}
    wrong = allow("iam:PassRole", on=arn, StringEquals=to_lambda)
    with refused("iam:PassRole", arn):
        user(may_register, wrong).client("ecs").register_task_definition(
            **DEFINITION, executionRoleArn=arn
        )
    to_ecs = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    right = allow("iam:PassRole", on=arn, StringEquals=to_ecs)
    user(may_register, right).client("ecs").register_task_definition(
        **DEFINITION, taskRoleArn=arn, executionRoleArn=arn
    )


def test_who_creates_with_tags_must_be_allowed_to_tag(user: Callable[..., Access]) -> None:
    tags = [{"key": "a", "value": "b"}]
    may_register = allow("ecs:RegisterTaskDefinition")
    with refused("ecs:TagResource"):
        user(may_register).client("ecs").register_task_definition(**DEFINITION, tags=tags)
    may_tag = allow("ecs:TagResource", StringEquals={"ecs:CreateAction": "RegisterTaskDefinition"})
    user(may_register, may_tag).client("ecs").register_task_definition(**DEFINITION, tags=tags)


def test_a_role_is_a_door_that_opens_to_whom_it_trusts(
    local_aws: LocalAws, user: Callable[..., Access], role: Callable[..., str]
) -> None:
    root = local_aws.access
    builder = role({"Service": "codebuild.amazonaws.com"}, allow("ecs:ListClusters"))
    root.role(builder, service="codebuild.amazonaws.com").client("ecs").list_clusters()
    for service in ("lambda.amazonaws.com", ""):
        with refused("sts:AssumeRole"):
            root.role(builder, service=service)
    with refused("sts:AssumeRole"):
        user(allow("sts:AssumeRole")).role(builder)
    # The header is root's alone.
    with refused("sts:AssumeRole"):
        user(allow("sts:AssumeRole")).role(builder, service="codebuild.amazonaws.com")
    # The account leaves it to its own policies.
    ours = role({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    with refused("sts:AssumeRole", ours):
        user(allow("sts:AssumeRole", on=builder)).role(ours)
    user(allow("sts:AssumeRole", on=ours)).role(ours)


def test_a_role_that_names_a_caller_needs_no_policy_of_it(
    local_aws: LocalAws, role: Callable[..., str]
) -> None:
    first = role({"Service": "codepipeline.amazonaws.com"})
    second = role({"AWS": first})
    pipeline = local_aws.access.role(first, service="codepipeline.amazonaws.com")
    assert "assumed-role" in pipeline.role(second).client("sts").get_caller_identity()["Arn"]


def test_a_boundary_limits_what_a_role_may_do(
    local_aws: LocalAws, client: Callable[[str], Any], role: Callable[..., str]
) -> None:
    iam = client("iam")
    document = {"Version": "2012-10-17", "Statement": [allow("ecs:ListClusters")]}
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=json.dumps(document))["Policy"]
    arn = role(
        {"Service": "lambda.amazonaws.com"}, allow("ecs:*"), PermissionsBoundary=boundary["Arn"]
    )
    limited = local_aws.access.role(arn, service="lambda.amazonaws.com").client("ecs")
    limited.list_clusters()
    with refused("ecs:ListTaskDefinitions", "permissions boundary"):
        limited.list_task_definitions()
    iam.delete_role_permissions_boundary(RoleName=arn.rpartition("/")[2])
    iam.delete_policy(PolicyArn=boundary["Arn"])


def test_the_policy_of_a_bucket_refuses_and_allows(
    client: Callable[[str], Any], user: Callable[..., Access]
) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="judged", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="judged", Key="a", Body=b"a")
    try:
        reader = user(allow("s3:GetObject", on="arn:aws:s3:::judged/*"))
        reader.client("s3").get_object(Bucket="judged", Key="a")
        arn = reader.client("sts").get_caller_identity()["Arn"]
        deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::judged/*"}
        grant = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::judged/*"}
        both = [deny | {"Principal": "*"}, grant | {"Principal": {"AWS": arn}}]
        s3.put_bucket_policy(
            Bucket="judged", Policy=json.dumps({"Version": "2012-10-17", "Statement": both})
        )
        with refused("s3:GetObject", "explicit deny in a resource-based policy"):
            reader.client("s3").get_object(Bucket="judged", Key="a")
        reader.client("s3").put_object(Bucket="judged", Key="a", Body=b"b")
        with refused("s3:DeleteObject"):
            reader.client("s3").delete_object(Bucket="judged", Key="a")
    finally:
        s3.delete_bucket_policy(Bucket="judged")
        s3.delete_object(Bucket="judged", Key="a")
        s3.delete_bucket(Bucket="judged")


REPOSITORY_ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/judged"
MANIFEST = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}


@pytest.mark.parametrize(
    ("action", "method", "path"),
    [
        ("ecr:BatchGetImage", "GET", "manifests/live"),
        ("ecr:PutImage", "PUT", "manifests/live"),
        ("ecr:BatchCheckLayerAvailability", "HEAD", "blobs/sha256:0"),
        ("ecr:GetDownloadUrlForLayer", "GET", "blobs/sha256:0"),
        ("ecr:InitiateLayerUpload", "POST", "blobs/uploads/"),
        ("is not judged here", "DELETE", "manifests/live"),
    ],
)
def test_docker_may_do_what_the_owner_of_its_login_may(
    local_aws: LocalAws, user: Callable[..., Access], action: str, method: str, path: str
) -> None:
    def answer(*statements: Mapping[str, Any]) -> Answer:
        access = user(allow("ecr:GetAuthorizationToken"), *statements)
        (given,) = access.client("ecr").get_authorization_token()["authorizationData"]
        login = {"Authorization": f"Basic {given['authorizationToken']}"} | MANIFEST
        return send(local_aws.access, method, f"/v2/judged/{path}", login, b"{}")

    refusal = answer(allow("*", on=f"{REPOSITORY_ARN}-other"))
    assert refusal.status == 403
    if method != "HEAD":
        assert action.encode() in refusal.body
    if action.startswith("ecr:"):
        assert answer(allow(action, on=REPOSITORY_ARN)).status != 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("OPTIONS", "/"),
        ("GET", "/oauth2/authorize"),
        ("POST", "/oauth2/token"),
        ("GET", "/.well-known/openid-configuration"),
        ("POST", "/graphql"),
        ("POST", "/v1/apis/a/graphql"),
        ("GET", "/iceberg/v1/config"),
        ("GET", "/restapis/a/b/_user_request_/c"),
        ("GET", "/_aws/execute-api/a/b/c"),
        ("GET", "/_ministack/health"),
        ("GET", "/_ministack/iam/ledger"),
        ("POST", "/_ministack/iam/allowed"),
        ("GET", "/latest/meta-data/"),
    ],
)
def test_no_entrance_leads_past_the_judge(
    local_aws: LocalAws, user: Callable[..., Access], method: str, path: str
) -> None:
    key = user(allow("sts:GetCallerIdentity")).key
    signed = signature(
        local_aws.access, method, path, key=(key.access_key_id, key.secret_access_key)
    )
    answer = send(local_aws.access, method, path, signed)
    assert answer.status in (400, 403, 404, 405), answer
    # A call of S3 like any other: there is no such bucket.
    said = (b"authorized", b"enied", b"root", b"NoSuchBucket", b"InvalidBucketName")
    assert any(each in answer.body for each in said), answer.body


def test_the_ledger_tells_who_used_what(local_aws: LocalAws, user: Callable[..., Access]) -> None:
    caller = user(allow("ecs:List*"), allow("ecs:ListClusters"), allow("ecs:ListAccount*"))
    caller.client("ecs").list_clusters()
    caller.client("ecs").list_account_settings()
    with refused("ecs:ListTaskDefinitions"):
        user(allow("ecs:Describe*")).client("ecs").list_task_definitions()
    ledger = local_aws.access.ledger()
    name = caller.client("sts").get_caller_identity()["Arn"].rpartition("/")[2]
    used = {
        (use["granted"], use["action"], use["alone"])
        for use in ledger["uses"]
        if use["principal"] == name
    }
    assert ("ecs:ListClusters", "ecs:ListClusters", False) in used
    assert ("ecs:List*", "ecs:ListClusters", False) in used
    assert ("ecs:ListTaskDefinitions") in [each["action"] for each in ledger["refusals"]]


def test_the_ledger_tells_what_the_policy_of_a_bucket_allowed(
    local_aws: LocalAws, user: Callable[..., Access]
) -> None:
    caller, s3 = user(allow("sts:GetCallerIdentity")), local_aws.client("s3")
    arn = caller.client("sts").get_caller_identity()["Arn"]
    s3.create_bucket(Bucket="shared", CreateBucketConfiguration={"LocationConstraint": REGION})
    letting_in = allow("s3:Put*", on="arn:aws:s3:::shared/*") | {"Principal": {"AWS": arn}}
    policy = {"Version": "2012-10-17", "Statement": [letting_in]}
    s3.put_bucket_policy(Bucket="shared", Policy=json.dumps(policy))
    caller.client("s3").put_object(Bucket="shared", Key="a/b", Body=b"")
    uses = [
        (use["policy"], use["granted"], use["action"], use["alone"])
        for use in local_aws.access.ledger()["uses"]
        if use["principal"] == arn.rpartition("/")[2]
    ]
    assert uses == [("policy of arn:aws:s3:::shared", "s3:Put*", "s3:PutObject", True)]
    s3.delete_object(Bucket="shared", Key="a/b")
    s3.delete_bucket(Bucket="shared")


def test_what_was_not_judged_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a newer MiniStack found another way to the service."""

    async def served(*_: Any) -> Any:
        return 200, {}, b"a secret"

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAROOT")
    credential = "Credential=AKIASOMEBODY/20260101/eu-west-1/ecs/aws4_request"
    somebody = {"authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"}
    asked: tuple[Any, ...] = ("POST", "/", somebody, b"", {}, "id")
    wrapped = judge.dispatch.__wrapped__  # type: ignore[attr-defined]
    status, _, body = asyncio.run(wrapped(served, *asked))
    assert status == 403
    assert b"not judged" in body
    assert b"a secret" not in body


@pytest.mark.parametrize("content", [b'{"Bucket": "other"}', b"Bucket=other&" * 1000])
def test_the_content_of_an_object_is_not_taken_for_parameters(content: bytes) -> None:
    extract = judge.extract_iam_action.__wrapped__  # type: ignore[attr-defined]
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIAOTHER/20260101/eu-west-1/s3/a"}
    given = ("s3", "PUT", "/judged/a", headers, content, {"partNumber": "1"})
    assert extract(lambda *_: "s3:PutObject", *given) == "s3:PutObject"
    call = judge._call.get()
    assert isinstance(call, Call)
    assert call.parameters == {"partNumber": ["1"]}
