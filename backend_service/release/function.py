"""The Lambda function that copies images, and ends the delivery of a failed rollout.

For CloudFormation it copies the first image into a new repository. Release copies the image of a
build, or the one that Receive has found. A second function does Run: a command of the image. After
ECS has completed the rollout, Promote gives the image the tag that the template names. If ECS gives
the rollout up, the function stops the delivery that waits for it. Each can be interrupted at any
point and run again: it skips what exists already under the same digest. The reasons for this design
are in docs/decisions: 01-first-image.md, 02-live-tag.md and 25-before-the-rollout.md.

Environment variables name the service. Lambda gets this folder only, so its files import nothing
else of this project, and each other by relative names. Lambda provides boto3; the handler imports
it when it is called.
"""

import json
import os
import traceback
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from .action import ActionError, Clock, Outcome, OutOfTimeError, Service, quoted, shortened
from .command import run_command
from .failed_rollout import end_delivery
from .promotion import promote
from .receiving import LARGEST_TEXT, receive
from .releasing import release
from .seed import seed
from .sources import Send, repeated, send

LONGEST_MESSAGE = 5000
LONGEST_SUMMARY = 2048
LONGEST_REASON = 1000
"""Characters that PutJobFailureResult and PutJobSuccessResult take.
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_FailureDetails.html
An answer to CloudFormation has at most 4096 bytes.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html"""


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Run the action of a job, seed CloudFormation's new repository, or end a failed rollout.

    The events of jobs and of CloudFormation contain credentials, so they are never logged. Every
    failure of these is reported: otherwise the pipeline would wait for 20 minutes, and
    CloudFormation as long as the stack says. Lambda tries the event of a failed rollout again, one
    and two minutes later.
    """
    import boto3  # noqa: PLC0415 - a process that only tests this file may not have it
    from botocore.config import Config  # noqa: PLC0415

    patient = Config(retries={"mode": "standard", "total_max_attempts": 8})

    def client(service: str, **options: str) -> Any:
        return boto3.client(service, config=patient, **options)

    def remaining() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    def service() -> Service:
        return Service.of_environment(os.environ)

    clock = Clock(remaining=remaining)
    if "ResponseURL" in event:
        answer(event, lambda: seed(event, service(), client=client, clock=clock), clock=clock)
    elif "CodePipeline.job" in event:
        job = event["CodePipeline.job"]
        report(
            client("codepipeline"),
            job["id"],
            lambda: act(job["data"], service(), client=client, clock=clock),
        )
    else:
        end_delivery(event["detail"], service(), client=client)


def report(codepipeline: Any, job_id: str, action: Callable[[], Outcome]) -> None:
    """Run the action, and put its result."""
    try:
        outcome = action()
    except Exception as error:  # The pipeline waits for an answer in any case.
        message = _reason(error)
        details = {"type": "JobFailed", "message": shortened(message, LONGEST_MESSAGE)}
        codepipeline.put_job_failure_result(jobId=job_id, failureDetails=details)
        return
    print(outcome.summary)
    result: dict[str, Any] = {
        "executionDetails": {"summary": shortened(outcome.summary, LONGEST_SUMMARY)}
    }
    if outcome.token:
        result["continuationToken"] = outcome.token
    elif outcome.variables:
        result["outputVariables"] = dict(outcome.variables)
    codepipeline.put_job_success_result(jobId=job_id, **result)


def answer(
    event: Mapping[str, Any], action: Callable[[], str], *, clock: Clock, send: Send = send
) -> None:
    """Run the action for a custom resource, and put its result where CloudFormation waits for it.

    OutOfTimeError is not answered: Lambda runs the function again, twice, and it continues.
    """
    status, reason = "SUCCESS", ""
    try:
        print(action())
    except OutOfTimeError:
        raise
    except Exception as error:  # CloudFormation waits for an answer in any case.
        status, reason = "FAILED", _reason(error)
    body = {
        "Status": status,
        "Reason": shortened(reason, LONGEST_REASON),
        # Always the same: another one would make CloudFormation delete the first.
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = urllib.request.Request(event["ResponseURL"], method="PUT")  # noqa: S310
    request.data = json.dumps(body).encode()
    request.add_header("Content-Type", "")  # as CloudFormation has signed the address
    repeated("the answer to CloudFormation", lambda: send(request).close(), clock)


def _reason(error: Exception) -> str:
    """Print and return what the error means to the user."""
    if isinstance(error, ActionError):
        reason = str(error)
    else:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    print(reason)
    return reason


def act(
    job: Mapping[str, Any], service: Service, *, client: Callable[..., Any], clock: Clock
) -> Outcome:
    """Run the action in UserParameters; ``client`` makes a client for an AWS service.

    The parameters are ``receive``, ``release IMAGE``, ``run IMAGE`` or ``promote IMAGE``. They are
    not JSON: CodePipeline inserts the text that a build has exported, and this text must not become
    another key.
    """
    parameters = job["actionConfiguration"]["configuration"]["UserParameters"]
    action, _, image = parameters.partition(" ")
    # A deploy updates function and pipeline one after the other, so they may differ for a while.
    if action not in ("receive", "release", "run", "promote"):
        raise ActionError(f"{quoted(action)} is no action; start the pipeline again")
    token = json.loads(job.get("continuationToken") or "{}")
    if action == "run":
        return run_command(image, service, client=client, token=token)
    if action == "promote":
        since = float(token.get("since", clock.now()))
        return promote(image, service, client=client, clock=clock, since=since)
    credentials = job["artifactCredentials"]
    s3 = client(
        "s3",
        aws_access_key_id=credentials["accessKeyId"],
        aws_secret_access_key=credentials["secretAccessKey"],
        aws_session_token=credentials["sessionToken"],
    )
    (artifact,) = job["inputArtifacts" if action == "receive" else "outputArtifacts"]
    where = artifact["location"]["s3Location"]
    place = {"Bucket": where["bucketName"], "Key": where["objectKey"]}
    if action == "receive":
        text = s3.get_object(**place)["Body"].read(LARGEST_TEXT)
        return receive(text, service, client=client)

    def put(content: bytes) -> None:
        s3.put_object(**place, Body=content)

    return release(image, service, client=client, put=put, clock=clock, unfinished=token)
