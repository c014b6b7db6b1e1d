"""The calls that a service makes to AWS from its container, with the role of its task."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from cdk_rehearsal import NO_DELAYS, push_from_engine
from cdk_rehearsal.bounds import SETTLE_SECONDS
from cdk_rehearsal.containers import (
    KEPT_IMAGES,
    Engine,
    TaskContainers,
    aws_with_containers,
    label_options,
)
from cdk_rehearsal.expectation import wait_until
from support.discoverable import network as any_network
from support.discoverable import registry, service
from support.stacks import Stacks

pytestmark = pytest.mark.slow

ACCOUNT, REGION = "111122223333", "eu-west-1"
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
ALLOWED = {
    "Effect": "Allow",
    "Action": ["sqs:GetQueueUrl", "sqs:SendMessage", "dynamodb:PutItem", "s3:PutObject"],
    "Resource": [
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders",
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders",
        f"arn:aws:s3:::orders-{ACCOUNT}/report/*",
    ],
}
TRUST = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
}


@pytest.fixture
def with_boto3(engine: Engine, image: str, tmp_path: Path) -> Iterator[str]:
    """An image with the boto3 of this Python, since nothing is downloaded."""
    installed = Path(boto3.__file__).parents[1]
    for package in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3"):
        shutil.copytree(installed / package, tmp_path / "packages" / package)
    shutil.copy(installed / "six.py", tmp_path / "packages")
    lines = (f"FROM {image}", "COPY packages /packages", "ENV PYTHONPATH=/packages")
    (tmp_path / "Dockerfile").write_text("\n".join(lines), encoding="utf-8")
    name = f"{KEPT_IMAGES}/tests:with-boto3-{tmp_path.parent.name}"
    engine("build", "--tag", name, str(tmp_path))
    yield name
    engine.attempt("rmi", name)


def _resources(cidr: str) -> dict[str, Any]:
    in_range = json.dumps(any_network()).replace("10.3.", cidr.removesuffix("0.0/16"))
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/backend:good"
    resources: dict[str, Any] = json.loads(in_range) | registry() | service(count=1, image=image)
    trust, own = ({"Version": "2012-10-17", "Statement": [each]} for each in (TRUST, ALLOWED))
    role = {
        "RoleName": "orders",
        "AssumeRolePolicyDocument": trust,
        "Policies": [{"PolicyName": "own", "PolicyDocument": own}],
    }
    resources["Role"] = {"Type": "AWS::IAM::Role", "Properties": role}
    task = resources["Task"]["Properties"]
    task["TaskRoleArn"] = {"Fn::GetAtt": ["Role", "Arn"]}
    task["ContainerDefinitions"][0] |= {"Command": ["python", "-uc", SERVICE], "StopTimeout": 2}
    return resources


def test_a_service_calls_aws_with_the_role_of_its_task(engine: Engine, with_boto3: str) -> None:
    with aws_with_containers(
        engine, account=ACCOUNT, region=REGION, helper=with_boto3, delays=NO_DELAYS
    ) as (aws, network, feed):
        s3, sqs = aws.client("s3"), aws.client("sqs")
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
        aws.client("ecr").create_repository(repositoryName="backend")
        push_from_engine(engine, with_boto3, aws.client("ecr"), "backend", "good")
        stacks = Stacks(
            aws.client("cloudformation"), patience_seconds=SETTLE_SECONDS, explain=aws.log
        )
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
        stored = aws.client("dynamodb").scan(TableName="orders")["Items"]
        tasks = TaskContainers(
            engine=engine, network=network, feed=feed, delays=NO_DELAYS, helper=with_boto3
        )
        examined = engine(
            *("run", "--rm", *label_options(network.labels), f"--network={network.name}"),
            *(f"--dns={network.resolver}", *tasks.as_task_of("backend"), with_boto3),
            *("python", "-c", WHO),
        )
        refused = [r for r in aws.access.ledger()["refusals"] if r["principal"] == "orders"]
        stacks.delete_all()
    assert message["Body"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/")
    assert examined == message["Body"]
    assert stored == [{"id": {"S": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders"}}]
    (refusal,) = refused
    assert (refusal["action"], refusal["times"]) == ("s3:DeleteObject", 1)
    assert "(AccessDenied)" in told
    assert f"{refusal['action']} on resource: {refusal['resource']}" in told
