"""Ways round the judge and the signature that were open once, tried on a running local AWS."""

import gzip
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from cdk_rehearsal import Access
from cdk_rehearsal.server.listener import MOST_CONNECTIONS
from support.functions import allow, refused
from support.raw_requests import Answer, presigned, send, signature

DENIED = {"Effect": "Deny", "Action": "*", "Resource": "*"}
MANIFEST = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}


def post(access: Access, service: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    signed = signature(access, "POST", path, headers, body, service=service)
    return send(access, "POST", path, signed, body)


TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


def test_s3_only_root_makes_and_changes_a_stack_without_a_role(
    access: Access, user: Callable[..., Access], role: Callable[..., str]
) -> None:
    caller = user(allow("cloudformation:*", "iam:PassRole")).client("cloudformation")
    with refused("CreateStack", "CreateStack of of-nobody has no role"):
        caller.create_stack(StackName="of-nobody", TemplateBody=TEMPLATE)
    with refused("CreateChangeSet of of-nobody has no role"):
        caller.create_change_set(
            StackName="of-nobody", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=TEMPLATE
        )
    own = access.client("cloudformation")
    own.create_stack(StackName="of-root", TemplateBody=TEMPLATE)
    with refused("DeleteStack of of-root has no role"):
        caller.delete_stack(StackName="of-root")
    own.delete_stack(StackName="of-root")
    given = role({"Service": "cloudformation.amazonaws.com"}, allow("*"))
    made = caller.create_stack(StackName="of-a-role", TemplateBody=TEMPLATE, RoleARN=given)
    # It has the role from now on, by its name and by its ARN.
    changed = TEMPLATE.replace("Topic", "Other", 1)
    caller.update_stack(StackName="of-a-role", TemplateBody=changed)
    caller.delete_stack(StackName=made["StackId"])


def test_a_change_set_is_judged_on_its_own_stack(
    access: Access, user: Callable[..., Access], role: Callable[..., str]
) -> None:
    own, given = (
        access.client("cloudformation"),
        role({"Service": "cloudformation.amazonaws.com"}, allow("*")),
    )
    made = own.create_change_set(
        StackName="shut", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=TEMPLATE
    )
    own.create_stack(StackName="open", TemplateBody=TEMPLATE, RoleARN=given)
    shut = DENIED | {"Resource": f"arn:aws:cloudformation:{access.region}:*:stack/shut/*"}
    caller = user(allow("*"), shut).client("cloudformation")
    with refused("ExecuteChangeSet"):
        caller.execute_change_set(StackName="open", ChangeSetName=made["Id"])
    own.delete_stack(StackName="open")
    own.delete_stack(StackName="shut")


def login(access: Access) -> dict[str, str]:
    (given,) = access.client("ecr").get_authorization_token()["authorizationData"]
    return {"Authorization": f"Basic {given['authorizationToken']}"}


def test_s8_the_registry_mounts_reaches_and_takes_only_what_the_caller_may(
    access: Access, user: Callable[..., Access]
) -> None:
    ecr = access.client("ecr")
    for name in ("secret", "own"):
        ecr.create_repository(repositoryName=name)
    layer = f"sha256:{sha256(b'layer').hexdigest()}"
    upload = "/v2/secret/blobs/uploads/?digest="
    assert send(access, "POST", upload + layer, login(access), b"layer").status == 201
    arn = f"arn:aws:ecr:{access.region}:{access.account}:repository"
    pusher = (allow("ecr:GetAuthorizationToken"), allow("ecr:*", on=f"{arn}/own"))
    basic = login(user(*pusher))
    mount = f"/v2/own/blobs/uploads/?mount={layer}&from=secret"
    answer = send(access, "POST", mount, basic)
    assert (answer.status, b"GetDownloadUrlForLayer" in answer.body) == (403, True)
    assert send(access, "HEAD", f"/v2/own/blobs/{layer}", basic).status == 404
    reader = login(user(*pusher, allow("ecr:GetDownloadUrlForLayer", on=f"{arn}/secret")))
    assert send(access, "POST", mount, reader).status == 201

    elsewhere = f"{access.account}.dkr.ecr.us-east-1.amazonaws.com"
    answer = send(access, "HEAD", f"/v2/own/blobs/{layer}?ns={elsewhere}", basic)
    assert answer.status == 200

    missing = {"schemaVersion": 2, "layers": [{"digest": f"sha256:{'0' * 64}", "size": 1}]}
    for manifest in (missing, {"schemaVersion": 2, "manifests": missing["layers"]}):
        body = json.dumps(manifest).encode()
        answer = send(access, "PUT", "/v2/own/manifests/live", basic | MANIFEST, body)
        assert (answer.status, b"MANIFEST_BLOB_UNKNOWN" in answer.body) == (400, True)
    for name in ("secret", "own"):
        ecr.delete_repository(repositoryName=name, force=True)


def test_s9_what_acts_is_signed(access: Access, stored_object: str) -> None:
    url = presigned(access, "PUT", "/shelf/copy", 60)
    copy = send(access, "PUT", url, {"x-amz-copy-source": stored_object})
    assert (copy.status, b"x-amz-copy-source is not signed" in copy.body) == (400, True)
    target = send(access, "PUT", url, {"X-Amz-Target": "Any.Thing"})
    assert (target.status, b"X-Amz-Target" in target.body) == (400, True)
    unknown = signature(access, "GET", "/", {"x-amz-new": "any"})
    assert b"x-amz-new" in send(access, "GET", "/", unknown).body
    assert send(access, "PUT", url).status == 200


@pytest.mark.parametrize("age", [timedelta(days=365 * 27), -timedelta(hours=1)])
def test_s9_a_signature_ages(
    access: Access, monkeypatch: pytest.MonkeyPatch, age: timedelta
) -> None:
    then = datetime.now(UTC) - age
    monkeypatch.setattr(
        "botocore.auth.get_current_datetime",
        lambda remove_tzinfo=True: then.replace(tzinfo=None) if remove_tzinfo else then,
    )
    late = send(access, "GET", "/", signature(access, "GET", "/"))
    assert (late.status, b"RequestTimeTooSkewed" in late.body) == (403, True)
    expired = send(access, "GET", presigned(access, "GET", "/", 604_800))
    assert (expired.status, b"Request has expired" in expired.body) == (403, True)


def test_s9_a_url_is_valid_for_seven_days_at_most(access: Access) -> None:
    assert send(access, "GET", presigned(access, "GET", "/", 604_800)).status == 200
    assert send(access, "GET", presigned(access, "GET", "/", 604_801)).status == 403


def test_s10_several_secrets_need_the_right_to_each(
    access: Access, user: Callable[..., Access]
) -> None:
    secrets = access.client("secretsmanager")
    arns = [secrets.create_secret(Name=f"s10-{n}", SecretString="s")["ARN"] for n in range(2)]
    batch = allow("secretsmanager:BatchGetSecretValue")
    one = user(batch, allow("secretsmanager:GetSecretValue", on=arns[0])).client("secretsmanager")
    with refused("secretsmanager:GetSecretValue", arns[1]):
        one.batch_get_secret_value(SecretIdList=["s10-0", "s10-1"])
    with refused("Filters"):
        one.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["s10"]}])
    assert one.batch_get_secret_value(SecretIdList=["s10-0"])["SecretValues"]
    for arn in arns:
        secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_s10_a_condition_on_the_tags_of_a_resource_is_judged(
    access: Access, user: Callable[..., Access]
) -> None:
    secrets = access.client("secretsmanager")
    for name in ("shut", "open"):
        tags = [{"Key": "door", "Value": name}]
        secrets.create_secret(Name=f"tagged-{name}", SecretString="s", Tags=tags)
    shut = {"StringEquals": {"aws:ResourceTag/door": "shut"}}
    caller = user(allow("*"), DENIED | {"Condition": shut})
    assert caller.client("secretsmanager").get_secret_value(SecretId="tagged-open")
    with refused("explicit deny"):
        caller.client("secretsmanager").get_secret_value(SecretId="tagged-shut")
    with refused("not judged here", "tags of"):
        caller.client("codepipeline").get_pipeline(name="any")
    for name in ("shut", "open"):
        secrets.delete_secret(SecretId=f"tagged-{name}", ForceDeleteWithoutRecovery=True)


def test_s10_a_presigned_url_of_a_user_is_judged(
    stored_object: str, user: Callable[..., Access]
) -> None:
    reader = user(allow("s3:GetObject", on=f"arn:aws:s3:::{stored_object[1:]}"))
    assert send(reader, "GET", presigned(reader, "GET", stored_object, 60)).body == b"content"
    for who, method in ((user(DENIED), "GET"), (reader, "DELETE"), (reader, "PUT")):
        answer = send(who, method, presigned(who, method, stored_object, 60))
        assert (answer.status, b"not authorized" in answer.body) == (403, True)


def test_s13_a_small_body_does_not_become_a_large_one(access: Access) -> None:
    target = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData",
        "Content-Encoding": "gzip",
    }
    packed = gzip.compress(b'{"Namespace": "' + b" " * (17 << 20) + b'"}')
    answer = post(access, "monitoring", "/", target, packed)
    assert (answer.status, b"16 MiB" in answer.body) == (400, True)
    small = gzip.compress(b'{"Namespace": "n", "MetricData": []}')
    assert post(access, "monitoring", "/", target, small).status == 200


def test_s13_only_so_many_connections_are_taken(access: Access) -> None:
    address = urlsplit(access.endpoint_url)
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < MOST_CONNECTIONS + 100:
            where = (address.hostname or "", address.port or 0)
            sockets.append(socket.create_connection(where, timeout=60))
        # One of the last is closed at once; a connection that is taken waits for its client.
        assert sockets[-1].recv(1) == b""
    finally:
        for each in sockets:
            each.close()
    assert access.client("sts").get_caller_identity()
