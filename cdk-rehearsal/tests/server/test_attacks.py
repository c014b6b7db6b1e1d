"""Ways round the judge and the signature that were open once, tried on a running local AWS."""

import json
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from cdk_rehearsal import Access
from cdk_rehearsal.server.__main__ import MOST_CONNECTIONS
from cdk_rehearsal.services.ecr.image_push import push_image
from support.functions import allow, refused
from support.raw_requests import send, signature

DENIED = {"Effect": "Deny", "Action": "*", "Resource": "*"}


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


def test_s8_the_registry_gives_out_a_layer_whose_url_was_issued_and_does_nothing_else(
    access: Access,
) -> None:
    ecr, image = access.client("ecr"), f"sha256:{'0' * 64}"
    ecr.create_repository(repositoryName="own")
    push_image(ecr, "own", "1", image)
    (found,) = ecr.batch_get_image(repositoryName="own", imageIds=[{"imageTag": "1"}])["images"]
    layer = json.loads(found["imageManifest"])["layers"][0]["digest"]
    url = ecr.get_download_url_for_layer(repositoryName="own", layerDigest=layer)["downloadUrl"]
    path = url.removeprefix(access.endpoint_url)
    assert send(access, "GET", path).status_code == 200
    (login,) = ecr.get_authorization_token()["authorizationData"]
    basic = {"Authorization": f"Basic {login['authorizationToken']}"}
    for method, other in (
        ("HEAD", path),
        ("GET", f"{path}0"),
        ("GET", "/v2/"),
        ("GET", "/v2/own/manifests/1"),
        ("PUT", "/v2/own/manifests/1"),
        ("POST", "/v2/own/blobs/uploads/?from=own&mount=any"),
        ("GET", f"/v2/own/blobs/{layer}?ns=1.dkr.ecr.us-east-1.amazonaws.com"),
    ):
        assert send(access, method, other, basic, b"{}").status_code == 403
        signed = signature(access, method, other, body=b"{}", service="ecr")
        assert send(access, method, other, signed, b"{}").status_code == 400
    ecr.delete_repository(repositoryName="own", force=True)


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
