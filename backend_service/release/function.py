"""The Lambda function behind two actions of the pipeline: Release and Promote.

Release copies the image of a build into the repository of the service. After ECS has completed the
rollout, Promote gives it the tag that the template names. Each can be interrupted at any point and
run again: it skips what exists already under the same digest. The reasons for this design are in
docs/decisions/02-live-tag.md.

Environment variables name the service. Lambda gets this file only, so the file imports nothing of
this project. Lambda provides boto3; the handler imports it when it is called.
"""

import contextlib
import io
import json
import os
import re
import time
import traceback
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""All types of manifests. ECR converts a manifest whose type a request does not accept."""

POLL_SECONDS = 10
ROLLOUT_SECONDS = 1800
"""Longer than ECS watches the alarms after the rollout action. If somebody else deploys meanwhile,
also longer than new tasks take with the longest start period."""

RESERVE_SECONDS = 45
"""The rest of the function's time that it keeps for a part in transfer and for the answer."""

LONGEST_MESSAGE = 5000
LONGEST_SUMMARY = 2048
"""Characters that PutJobFailureResult and PutJobSuccessResult take.
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_FailureDetails.html"""

_LAYERS_PER_CALL = 100  # of BatchCheckLayerAvailability
_DOWNLOAD_SECONDS = 30
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"

Manifest = Mapping[str, Any]
Download = Callable[[str], contextlib.AbstractContextManager[Any]]


class ActionError(Exception):
    """The action fails; the pipeline shows the message."""


class OutOfTimeError(Exception):
    """The function's time is nearly over, and work is left."""


@dataclass(frozen=True)
class Service:
    """The service that the function works for. Repositories are URIs without a tag."""

    repository: str
    builds: str
    live_tag: str
    cluster: str
    name: str
    container: str
    definitions_file: str
    alarms: tuple[str, ...]

    @classmethod
    def of_environment(cls, variables: Mapping[str, str]) -> "Service":
        """Read the environment variables that ReleaseFunction sets."""
        return cls(
            repository=variables["REPOSITORY"],
            builds=variables["BUILDS_REPOSITORY"],
            live_tag=variables["LIVE_TAG"],
            cluster=variables["CLUSTER"],
            name=variables["SERVICE"],
            container=variables["CONTAINER"],
            definitions_file=variables["IMAGE_DEFINITIONS_FILE"],
            alarms=tuple(json.loads(variables["ALARMS"])),
        )


@dataclass(frozen=True)
class Outcome:
    """The result of a call: with a ``token`` the action is in progress, else it has succeeded."""

    summary: str
    token: str = ""
    variables: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Clock:
    """The time, and the seconds that the function has left."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    remaining: Callable[[], float] = lambda: float("inf")

    def require(self) -> None:
        """Raise OutOfTimeError if only the reserve is left."""
        if self.remaining() < RESERVE_SECONDS:
            raise OutOfTimeError


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Run the action of a job, and report its result to CodePipeline.

    The event contains credentials, so it is never logged. Every failure is reported: otherwise the
    pipeline would wait for 20 minutes.
    """
    import boto3  # noqa: PLC0415 - a process that only tests this file may not have it
    from botocore.config import Config  # noqa: PLC0415

    patient = Config(retries={"mode": "standard", "total_max_attempts": 8})

    def client(service: str, **credentials: str) -> Any:
        return boto3.client(service, config=patient, **credentials)

    def remaining() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    job = event["CodePipeline.job"]
    report(
        client("codepipeline"),
        job["id"],
        lambda: act(
            job["data"],
            Service.of_environment(os.environ),
            client=client,
            clock=Clock(remaining=remaining),
        ),
    )


def report(codepipeline: Any, job_id: str, action: Callable[[], Outcome]) -> None:
    """Run the action, and put its result."""
    try:
        outcome = action()
    except Exception as error:  # The pipeline waits for an answer in any case.
        if isinstance(error, ActionError):
            message = str(error)
        else:
            traceback.print_exc()
            message = f"{type(error).__name__}: {error}"
        print(message)
        details = {"type": "JobFailed", "message": _shortened(message, LONGEST_MESSAGE)}
        codepipeline.put_job_failure_result(jobId=job_id, failureDetails=details)
        return
    print(outcome.summary)
    result: dict[str, Any] = {
        "executionDetails": {"summary": _shortened(outcome.summary, LONGEST_SUMMARY)}
    }
    if outcome.token:
        result["continuationToken"] = outcome.token
    elif outcome.variables:
        result["outputVariables"] = dict(outcome.variables)
    codepipeline.put_job_success_result(jobId=job_id, **result)


def act(
    job: Mapping[str, Any], service: Service, *, client: Callable[..., Any], clock: Clock
) -> Outcome:
    """Run the action in UserParameters; ``client`` makes a client for an AWS service.

    The parameters are ``release IMAGE`` or ``promote IMAGE``. They are not JSON: CodePipeline
    inserts the text that a build has exported, and this text must not become another key.
    """
    parameters = job["actionConfiguration"]["configuration"]["UserParameters"]
    action, _, image = parameters.partition(" ")
    # A deploy updates function and pipeline one after the other, so they may differ for a while.
    if action not in ("release", "promote"):
        raise ActionError(f"{_quoted(action)} is no action; start the pipeline again")
    token = json.loads(job.get("continuationToken") or "{}")
    if action == "promote":
        return promote(
            image,
            service,
            ecr=client("ecr"),
            ecs=client("ecs"),
            clock=clock,
            since=float(token.get("since", clock.now())),
        )
    credentials = job["artifactCredentials"]
    s3 = client(
        "s3",
        aws_access_key_id=credentials["accessKeyId"],
        aws_secret_access_key=credentials["secretAccessKey"],
        aws_session_token=credentials["sessionToken"],
    )
    return release(
        image,
        service,
        s3=s3,
        target=_location(job["outputArtifacts"]),
        ecr=client("ecr"),
        cloudwatch=client("cloudwatch"),
        clock=clock,
    )


# --- Release --------------------------------------------------------------------------------------


def release(
    built: str,
    service: Service,
    *,
    s3: Any,
    target: Mapping[str, str],
    ecr: Any,
    cloudwatch: Any,
    clock: Clock,
    download: Download | None = None,
) -> Outcome:
    """Copy the image that the build has exported; pass it on by its digest."""
    tag, digest = tag_and_digest(built, service)
    copy = Copy(ecr, service, clock, download or _download)
    try:
        copy.release(tag, digest)
    except OutOfTimeError:
        if not copy.layers:
            raise ActionError(
                f"the function's time is not enough to copy {copy.current}; make it smaller"
            ) from None
        # The token needs no content: ECR knows which layers it has.
        return Outcome(f"{copy.layers} layers of {tag} are copied", token=json.dumps({}))
    image = f"{service.repository}@{digest}"
    definitions = json.dumps([{"name": service.container, "imageUri": image}])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(service.definitions_file, definitions)
    s3.put_object(**target, Body=packed.getvalue())
    summary = f"{image} is the image of build {tag}. {alarm_warning(cloudwatch, service)}"
    return Outcome(summary.strip(), variables={"image": image})


def tag_and_digest(built: str, service: Service) -> tuple[str, str]:
    """Return tag and digest of the image in ``built``, the text that a build has exported."""
    match = re.fullmatch(rf"{re.escape(service.builds)}:({_TAG})@({_DIGEST})", built)
    if not match:
        raise ActionError(
            f"the build has exported {_quoted(built)} as IMAGE; only an image of this service's "
            f"builds is released, {service.builds}:<tag>@sha256:<digest>. What a buildspec must "
            "export is in docs/operations.md"
        )
    tag, digest = match.groups()
    if tag.lower() == service.live_tag.lower():
        raise ActionError(f"{tag} is no tag for a build: it names the image in service")
    return tag, digest


class Copy:
    """Copies images from the builds into the service's repository, by digest.

    ``layers`` is the number of copied layers, ``current`` describes the one that it began last.
    Raises OutOfTimeError when ``clock`` does; another copy then continues the work.
    """

    def __init__(self, ecr: Any, service: Service, clock: Clock, download: Download) -> None:
        self.layers = 0
        self.current = "the image"
        self._ecr = ecr
        self._service = service
        self._clock = clock
        self._download = download
        self._source = _name(service.builds)
        self._target = _name(service.repository)

    def release(self, tag: str, digest: str) -> None:
        """Copy the image of the build into the repository, under the same tag."""
        # An old build has left the repository of the builds, but its release is still here.
        if self._find(self._target, self._service.repository, tag, digest):
            return
        # After an image has expired, a build can push another one under its tag: _find compares
        # the digest with the approved one.
        built = self._find(self._source, self._service.builds, tag, digest)
        if built is None:
            raise ActionError(f"there is no image {self._service.builds}:{tag}")
        self._copy(built, tag)

    def _find(self, repository: str, uri: str, tag: str, digest: str) -> Manifest | None:
        found = find_image(self._ecr, repository, imageTag=tag)
        if found and _digest(found) != digest:
            raise ActionError(f"{uri}:{tag} is {_digest(found)}, and the build exported {digest}")
        return found

    def _copy(self, image: Manifest, tag: str = "") -> None:
        self._clock.require()
        manifest = json.loads(image["imageManifest"])
        for child in manifest.get("manifests", ()):
            found = find_image(self._ecr, self._source, imageDigest=child["digest"])
            if found is None:
                raise ActionError(f"{_digest(image)} lacks {child['digest']}, which it names")
            self._copy(found)
        blobs = [*manifest.get("layers", ()), *filter(None, [manifest.get("config")])]
        sizes = {blob["digest"]: blob.get("size") for blob in blobs}
        for digest in self._missing(list(sizes)):
            self.current = f"{digest}, which has {sizes[digest]} bytes"
            self._copy_layer(digest)
        put_image(self._ecr, self._target, image, tag)

    def _missing(self, digests: list[str]) -> Iterator[str]:
        for start in range(0, len(digests), _LAYERS_PER_CALL):
            some = digests[start : start + _LAYERS_PER_CALL]
            checked = self._ecr.batch_check_layer_availability(
                repositoryName=self._target, layerDigests=some
            )
            there = {
                layer["layerDigest"]
                for layer in checked["layers"]
                if layer["layerAvailability"] == "AVAILABLE"
            }
            yield from (digest for digest in some if digest not in there)

    def _copy_layer(self, digest: str) -> None:
        self._clock.require()
        url = self._ecr.get_download_url_for_layer(repositoryName=self._source, layerDigest=digest)[
            "downloadUrl"
        ]
        upload = self._ecr.initiate_layer_upload(repositoryName=self._target)
        first = 0
        with self._download(url) as layer:
            while part := layer.read(upload["partSize"]):
                self._clock.require()
                self._ecr.upload_layer_part(
                    repositoryName=self._target,
                    uploadId=upload["uploadId"],
                    partFirstByte=first,
                    partLastByte=first + len(part) - 1,
                    layerPartBlob=part,
                )
                first += len(part)
        # ECR compares the digest with the data. Another attempt may have completed the layer first.
        with contextlib.suppress(self._ecr.exceptions.LayerAlreadyExistsException):
            self._ecr.complete_layer_upload(
                repositoryName=self._target, uploadId=upload["uploadId"], layerDigests=[digest]
            )
        self.layers += 1


def alarm_warning(cloudwatch: Any, service: Service) -> str:
    """Return a warning if alarms are on. If the alarms cannot be read, the release continues."""
    try:
        alarms = cloudwatch.describe_alarms(AlarmNames=list(service.alarms), StateValue="ALARM")
    except Exception as error:
        return f"The alarms could not be read ({type(error).__name__})."
    names = sorted(alarm["AlarmName"] for alarm in alarms["MetricAlarms"])
    if not names:
        return ""
    return f"Warning: {', '.join(names)} in ALARM, so ECS ignores all alarms during this rollout."


# --- Promote --------------------------------------------------------------------------------------


def promote(
    image: str, service: Service, *, ecr: Any, ecs: Any, clock: Clock, since: float
) -> Outcome:
    """Put the live tag on ``image``, if the service runs it after a completed rollout.

    ``since`` is the start of the first call for this job.
    """
    released = re.fullmatch(rf"{re.escape(service.repository)}@({_DIGEST})", image)
    if not released:
        raise ActionError(f"Release has passed on {_quoted(image)}, not an image of the service")
    while (state := _rollout(ecs, service))[0] == "IN_PROGRESS":
        waited = clock.now() - since
        if waited > ROLLOUT_SECONDS:
            raise ActionError(
                f"ECS has not completed the rollout in {ROLLOUT_SECONDS // 60} minutes; retry the "
                "stage after it has"
            )
        try:
            clock.require()
        except OutOfTimeError:
            token = json.dumps({"since": since})
            return Outcome(f"ECS has been rolling out for {waited:.0f} s", token=token)
        clock.sleep(POLL_SECONDS)
    rollout, running = state
    if rollout != "COMPLETED":
        raise ActionError(f"the rollout is {rollout}: {service.live_tag} stays where it is")
    if running != image:
        raise ActionError(
            f"{running} is in service, not {image}: it was rolled back or replaced. "
            "To roll it out again, retry the whole stage"
        )
    repository, digest = _name(service.repository), released[1]
    live = find_image(ecr, repository, imageTag=service.live_tag)
    if live is None or _digest(live) != digest:
        found = find_image(ecr, repository, imageDigest=digest)
        if found is None:
            raise ActionError(f"{image} is in service, but not in the repository any more")
        put_image(ecr, repository, found, service.live_tag)
        # A deployment that has begun meanwhile may have resolved the tag before it was moved.
        # Scaling begins no deployment.
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
        if _rollout(ecs, service) != state:
            raise ActionError(
                f"{image} is {service.live_tag}, but the service was deployed at that moment and "
                "may run the previous image. To roll it out again, retry the whole stage"
            )
    return Outcome(f"{image} is {service.live_tag}")


def _rollout(ecs: Any, service: Service) -> tuple[str, str]:
    """Return the state of the newest deployment of the service, and its image."""
    answer = ecs.describe_services(cluster=service.cluster, services=[service.name])
    if not answer["services"]:
        raise ActionError(f"the cluster {service.cluster} has no service {service.name}")
    (found,) = answer["services"]
    if found["status"] != "ACTIVE":
        raise ActionError(f"the service {service.name} is {found['status']}")
    (newest,) = (d for d in found["deployments"] if d["status"] == "PRIMARY")
    state = newest.get("rolloutState", "IN_PROGRESS")
    if state == "IN_PROGRESS":
        return state, ""
    revision = ecs.describe_task_definition(taskDefinition=newest["taskDefinition"])
    images = {c["name"]: c["image"] for c in revision["taskDefinition"]["containerDefinitions"]}
    return state, images.get(service.container, "nothing")


# --- Images ---------------------------------------------------------------------------------------


def find_image(ecr: Any, repository: str, **image_id: str) -> Manifest | None:
    """Return an image by its tag or digest, or None if there is none."""
    answer = ecr.batch_get_image(
        repositoryName=repository, imageIds=[image_id], acceptedMediaTypes=list(MEDIA_TYPES)
    )
    if answer["images"]:
        found: Manifest = answer["images"][0]
        return found
    codes = {failure["failureCode"] for failure in answer["failures"]}
    if codes != {"ImageNotFound"}:
        raise ActionError(f"ECR does not give {image_id} of {repository}: {', '.join(codes)}")
    return None


def put_image(ecr: Any, repository: str, image: Manifest, tag: str) -> None:
    """Put an image, under a tag if there is one, unless it exists already.

    Like https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-retag.html this copies the
    manifest. With the digest, ECR refuses a manifest that has changed on the way.
    """
    with contextlib.suppress(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(
            repositoryName=repository,
            imageManifest=image["imageManifest"],
            imageManifestMediaType=image["imageManifestMediaType"],
            imageDigest=_digest(image),
            **({"imageTag": tag} if tag else {}),
        )


def _digest(image: Manifest) -> str:
    return str(image["imageId"]["imageDigest"])


def _name(uri: str) -> str:
    return uri.partition("/")[2]


def _location(artifacts: list[Any]) -> dict[str, str]:
    (artifact,) = artifacts
    place = artifact["location"]["s3Location"]
    return {"Bucket": place["bucketName"], "Key": place["objectKey"]}


def _download(url: str) -> contextlib.AbstractContextManager[Any]:
    # The address comes from ECR, which has signed it.
    response: contextlib.AbstractContextManager[Any] = urllib.request.urlopen(  # noqa: S310
        url, timeout=_DOWNLOAD_SECONDS
    )
    return response


def _quoted(value: object) -> str:
    """Return text of unknown length, such as the export of a build, for a message."""
    return _shortened(json.dumps(value), 300)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
