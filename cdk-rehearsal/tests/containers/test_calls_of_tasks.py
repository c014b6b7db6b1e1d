"""The calls that a service makes to AWS from its container, with the role of its task."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from cdk_rehearsal import LocalAws, push_from_engine
from cdk_rehearsal.containers import KEPT_IMAGES, Engine, TaskContainers, label_options
from cdk_rehearsal.expectation import wait_until
from support.discoverable import everything
from support.functions import allow, role
from support.stacks import Stacks

pytestmark = pytest.mark.slow

ACCOUNT, REGION = "111122223333", "eu-west-1"
CALLED = {"dynamodb", "s3", "sqs", "sts"}
# It sets no endpoint, no region, no credentials and no certificate, as on AWS.
SERVICE = f"""
import time, boto3, botocore
s3, sqs, dynamodb = (boto3.client(each) for each in ("s3", "sqs", "dynamodb"))
queue = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
sqs.send_message(QueueUrl=queue, MessageBody=boto3.client("sts").get_caller_identity()["Arn"])
dynamodb.put_item(TableName="orders", Item={{"id": {{"S": queue}}}})
s3.put_object(Bucket="orders-{ACCOUNT}", Key="report/1 a.txt", Body=b"written")
try:
    s3.delete_object(Bucket="orders-{ACCOUNT}", Key="report/1 a.txt")
except botocore.exceptions.ClientError as error:
    s3.put_object(Bucket="orders-{ACCOUNT}", Key="report/error", Body=str(error))
time.sleep(1000)
"""
WHO = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
ALLOWED = (
    allow("sqs:GetQueueUrl", "sqs:SendMessage", on=f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"),
    allow("dynamodb:PutItem", on=f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"),
    allow("s3:PutObject", on=f"arn:aws:s3:::orders-{ACCOUNT}/report/*"),
)


@pytest.fixture
def with_boto3(engine: Engine, image: str, tmp_path: Path) -> Iterator[str]:
    """An image with the boto3 of this Python, since nothing is downloaded."""
    installed = Path(boto3.__file__).parents[1]

    def not_called(folder: str, names: list[str]) -> set[str]:
        """The descriptions of the other services are most of the package."""
        if Path(folder).name != "data":
            return set()
        return {name for name in names if Path(folder, name).is_dir()} - CALLED

    for package in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3"):
        copy = tmp_path / "packages" / package
        shutil.copytree(installed / package, copy, ignore=not_called)
    shutil.copy(installed / "six.py", tmp_path / "packages")
    lines = (f"FROM {image}", "COPY packages /packages", "ENV PYTHONPATH=/packages")
    (tmp_path / "Dockerfile").write_text("\n".join(lines), encoding="utf-8")
    name = f"{KEPT_IMAGES}/tests:with-boto3-{tmp_path.parent.name}"
    engine("build", "--tag", name, str(tmp_path))
    yield name
    engine.attempt("rmi", name)


def _resources(cidr: str) -> dict[str, Any]:
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/backend:with-boto3"
    resources = everything(cidr, count=1, image=image)
    resources["Role"] = role("ecs-tasks.amazonaws.com", *ALLOWED)
    resources["Role"]["Properties"]["RoleName"] = "orders"
    task = resources["Task"]["Properties"]
    task["TaskRoleArn"] = {"Fn::GetAtt": ["Role", "Arn"]}
    task["ContainerDefinitions"][0] |= {"Command": ["python", "-uc", SERVICE], "StopTimeout": 2}
    return resources


def test_a_service_calls_aws_with_the_role_of_its_task(
    engine: Engine, aws: LocalAws, tasks: TaskContainers, stacks: Stacks, with_boto3: str
) -> None:
    s3, sqs, network = aws.client("s3"), aws.client("sqs"), tasks.network
    s3.create_bucket(
        Bucket=f"orders-{ACCOUNT}", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    aws.client("dynamodb").create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    push_from_engine(engine, with_boto3, aws.client("ecr"), "backend", "with-boto3")
    stacks.deploy("tasks", _resources(network.cidr))

    def objects() -> dict[str, str]:
        found = s3.list_objects_v2(Bucket=f"orders-{ACCOUNT}").get("Contents", [])
        keys = [each["Key"] for each in found]
        return {
            key: s3.get_object(Bucket=f"orders-{ACCOUNT}", Key=key)["Body"].read().decode()
            for key in keys
        }

    wait_until("it has made its calls", lambda: len(objects()) == 2)
    told = objects()["report/error"]
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/")
    examined = engine(
        *("run", "--rm", *label_options(network.labels), f"--network={network.name}"),
        *(f"--dns={network.resolver}", *tasks.as_task_of("backend"), with_boto3),
        *("python", "-c", WHO),
    )
    assert examined == message["Body"]
    stored = aws.client("dynamodb").scan(TableName="orders")["Items"]
    assert stored == [{"id": {"S": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders"}}]
    (refusal,) = (r for r in aws.access.ledger()["refusals"] if r["principal"] == "orders")
    assert (refusal["action"], refusal["times"]) == ("s3:DeleteObject", 1)
    assert "(AccessDenied)" in told
    assert f"{refusal['action']} on resource: {refusal['resource']}" in told
