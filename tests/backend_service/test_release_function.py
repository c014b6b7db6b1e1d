"""The function that releases and promotes: its input, its refusals, and its repetition."""

# The arguments of boto3 are called as AWS calls them.
# ruff: noqa: N803

import contextlib
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from backend_service.release import promotion, releasing
from backend_service.release.action import ActionError, Clock, Outcome, Service
from backend_service.release.copying import Copy
from backend_service.release.function import act, handler, report
from backend_service.release.promotion import promote
from backend_service.release.releasing import release

REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
SERVICE = Service(
    repository=f"{REGISTRY}/shop",
    builds=f"{REGISTRY}/shop/builds",
    live_tag="live",
    cluster="cluster",
    name="web",
    container="web",
    definitions_file="images.json",
    alarms=("web-cpu", "web-errors"),
    log_group="/ecs/cluster/web",
    pipeline="delivery",
)
TAG = "0a1b2c3d-7"
OTHER = f"sha256:{'0' * 64}"
TARGET = {"Bucket": "artifacts", "Key": "pipeline/release/1"}
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class KilledError(BaseException):
    """The end of the function's process, which the function cannot catch."""


class ImageAlreadyExistsError(Exception):
    """ECR has this image under this tag."""


class LayerAlreadyExistsError(Exception):
    """ECR has this layer."""


class TagAlreadyExistsError(Exception):
    """ECR has another image under this tag, which is immutable."""


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Ecr:
    """Two repositories behind ECR's API.

    ``die`` kills the function "before" or "after" the call of a name.
    """

    exceptions = SimpleNamespace(
        ImageAlreadyExistsException=ImageAlreadyExistsError,
        LayerAlreadyExistsException=LayerAlreadyExistsError,
    )

    def __init__(self) -> None:
        self.layers: dict[str, dict[str, bytes]] = {"shop": {}, "shop/builds": {}}
        self.manifests: dict[str, dict[str, tuple[str, str]]] = {"shop": {}, "shop/builds": {}}
        self.tags: dict[str, dict[str, str]] = {"shop": {}, "shop/builds": {}}
        self.uploads: dict[str, bytes] = {}
        self.pushed: dict[str, str] = {}
        self.calls: list[str] = []
        self.die: tuple[str, str] | None = None

    def build(self, tag: str, *layers: bytes) -> str:
        """Push an image with these layers to the builds repository; return its digest."""
        blobs = [json.dumps({"tag": tag}).encode(), *layers]
        for blob in blobs:
            self.layers["shop/builds"][digest_of(blob)] = blob
        manifest = {
            "config": {"digest": digest_of(blobs[0])},
            "layers": [{"digest": digest_of(blob), "size": len(blob)} for blob in layers],
        }
        return self.push("shop/builds", json.dumps(manifest), OCI, tag)

    def push(self, repository: str, manifest: str, media_type: str, tag: str = "") -> str:
        digest = digest_of(manifest.encode())
        self.manifests[repository][digest] = manifest, media_type
        if tag:
            self.tags[repository][tag] = digest
            self.pushed[tag] = digest
        return digest

    @contextlib.contextmanager
    def download(self, url: str) -> Iterator[io.BytesIO]:
        repository, _, digest = url.partition("@")
        yield io.BytesIO(self.layers[repository][digest])

    @contextlib.contextmanager
    def _call(self, name: str) -> Iterator[None]:
        if self.die == ("before", name):
            raise KilledError
        self.calls.append(name)
        yield
        if self.die == ("after", name):
            raise KilledError

    def batch_get_image(
        self, *, repositoryName: str, imageIds: list[dict[str, str]], acceptedMediaTypes: list[str]
    ) -> dict[str, Any]:
        with self._call("BatchGetImage"):
            (wanted,) = imageIds
            digest = wanted.get("imageDigest") or self.tags[repositoryName].get(wanted["imageTag"])
            if digest not in self.manifests[repositoryName]:
                return {"images": [], "failures": [{"failureCode": "ImageNotFound"}]}
            manifest, media_type = self.manifests[repositoryName][str(digest)]
            assert media_type in acceptedMediaTypes
            image = {
                "imageId": {"imageDigest": digest},
                "imageManifest": manifest,
                "imageManifestMediaType": media_type,
            }
            return {"images": [image], "failures": []}

    def batch_check_layer_availability(
        self, *, repositoryName: str, layerDigests: list[str]
    ) -> dict[str, Any]:
        with self._call("BatchCheckLayerAvailability"):
            assert len(layerDigests) <= 100
            known = self.layers[repositoryName]
            available = {True: "AVAILABLE", False: "UNAVAILABLE"}
            return {
                "layers": [
                    {"layerDigest": d, "layerAvailability": available[d in known]}
                    for d in layerDigests
                ]
            }

    def get_download_url_for_layer(self, *, repositoryName: str, layerDigest: str) -> Any:
        with self._call("GetDownloadUrlForLayer"):
            return {"downloadUrl": f"{repositoryName}@{layerDigest}"}

    def initiate_layer_upload(self, *, repositoryName: str) -> dict[str, Any]:
        with self._call("InitiateLayerUpload"):
            upload = f"{repositoryName}-{len(self.uploads)}"
            self.uploads[upload] = b""
            return {"uploadId": upload, "partSize": 4}

    def upload_layer_part(
        self,
        *,
        repositoryName: str,
        uploadId: str,
        partFirstByte: int,
        partLastByte: int,
        layerPartBlob: bytes,
    ) -> None:
        with self._call("UploadLayerPart"):
            assert uploadId.startswith(f"{repositoryName}-")
            assert partFirstByte == len(self.uploads[uploadId])
            assert partLastByte - partFirstByte + 1 == len(layerPartBlob) <= 4
            self.uploads[uploadId] += layerPartBlob

    def complete_layer_upload(
        self, *, repositoryName: str, uploadId: str, layerDigests: list[str]
    ) -> None:
        with self._call("CompleteLayerUpload"):
            data = self.uploads[uploadId]
            assert layerDigests == [digest_of(data)]
            if layerDigests[0] in self.layers[repositoryName]:
                raise LayerAlreadyExistsError
            self.layers[repositoryName][layerDigests[0]] = data

    def put_image(
        self,
        *,
        repositoryName: str,
        imageManifest: str,
        imageManifestMediaType: str,
        imageDigest: str,
        imageTag: str = "",
    ) -> None:
        with self._call("PutImage"):
            assert imageDigest == digest_of(imageManifest.encode())
            manifest = json.loads(imageManifest)
            blobs = [*manifest.get("layers", []), *filter(None, [manifest.get("config")])]
            assert {b["digest"] for b in blobs} <= self.layers[repositoryName].keys()
            children = {child["digest"] for child in manifest.get("manifests", [])}
            assert children <= self.manifests[repositoryName].keys()
            holder = self.tags[repositoryName].get(imageTag)
            if holder == imageDigest:
                raise ImageAlreadyExistsError
            if holder and imageTag != "live":
                raise TagAlreadyExistsError(imageTag)
            self.push(repositoryName, imageManifest, imageManifestMediaType, imageTag)


class S3:
    """Objects by key, without a call to read them."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        assert Bucket == "artifacts"
        self.objects[Key] = Body


class Alarms:
    """The alarms that are on."""

    def __init__(self, *on: str) -> None:
        self._on = on

    def describe_alarms(self, *, AlarmNames: list[str], StateValue: str) -> dict[str, Any]:
        assert StateValue == "ALARM"
        return {"MetricAlarms": [{"AlarmName": n} for n in AlarmNames if n in self._on]}


def do_release(
    ecr: Ecr,
    built: str | None = None,
    *,
    s3: S3 | None = None,
    alarms: Any = None,
    clock: Clock | None = None,
) -> Outcome:
    """Release the image that a build has exported, by default the one with the tag ``TAG``."""
    return release(
        exported(ecr) if built is None else built,
        SERVICE,
        s3=s3 or S3(),
        target=TARGET,
        ecr=ecr,
        cloudwatch=alarms or Alarms(),
        clock=clock or Clock(),
        download=ecr.download,
    )


def exported(ecr: Ecr, tag: str = TAG) -> str:
    """Return the export of the build that has pushed the image with the tag."""
    return f"{SERVICE.builds}:{tag}@{ecr.pushed[tag]}"


@pytest.fixture
def ecr() -> Ecr:
    """ECR with one build."""
    registry = Ecr()
    registry.build(TAG, b"the base of it", b"the change")
    return registry


# --- Release: the copy, and its outcome -----------------------------------------------------------


def test_the_image_of_the_build_is_copied_under_the_tag_of_the_build(ecr: Ecr) -> None:
    s3 = S3()
    digest = ecr.tags["shop/builds"][TAG]
    outcome = do_release(ecr, s3=s3)
    assert ecr.tags["shop"] == {TAG: digest}
    assert ecr.manifests["shop"] == ecr.manifests["shop/builds"]
    assert ecr.layers["shop"] == ecr.layers["shop/builds"]
    image = f"{SERVICE.repository}@{digest}"
    assert outcome.variables == {"image": image}
    assert not outcome.token
    with zipfile.ZipFile(io.BytesIO(s3.objects[TARGET["Key"]])) as archive:
        assert archive.namelist() == ["images.json"]
        assert json.loads(archive.read("images.json")) == [{"name": "web", "imageUri": image}]


def test_layers_that_are_there_already_are_not_copied_again(ecr: Ecr) -> None:
    do_release(ecr)
    ecr.build("next", b"the base of it", b"another change")
    ecr.calls.clear()
    do_release(ecr, exported(ecr, "next"))
    assert ecr.calls.count("CompleteLayerUpload") == 2, "the configuration and the change"


def test_an_image_for_several_architectures_is_copied_with_all_of_them(ecr: Ecr) -> None:
    children = [ecr.build(name, name.encode()) for name in ("arm", "intel")]
    manifest = json.dumps({"manifests": [{"digest": digest} for digest in children]})
    ecr.push("shop/builds", manifest, INDEX, "both")
    do_release(ecr, exported(ecr, "both"))
    assert set(children) < ecr.manifests["shop"].keys()
    assert set(ecr.tags["shop"]) == {"both"}


def test_an_image_without_a_part_that_it_names_is_not_released(ecr: Ecr) -> None:
    manifest = json.dumps({"manifests": [{"digest": digest_of(b"elsewhere")}]})
    ecr.push("shop/builds", manifest, INDEX, "half")
    with pytest.raises(ActionError, match="lacks sha256:"):
        do_release(ecr, exported(ecr, "half"))
    assert ecr.tags["shop"] == {}


def test_an_old_build_is_released_again_although_it_has_left_the_builds(ecr: Ecr) -> None:
    first = do_release(ecr)
    ecr.tags["shop/builds"].clear()
    ecr.manifests["shop/builds"].clear()
    assert do_release(ecr).variables == first.variables


def test_an_image_that_does_not_exist_is_not_released(ecr: Ecr) -> None:
    with pytest.raises(ActionError, match=r"there is no image .*shop/builds:other"):
        do_release(ecr, f"{SERVICE.builds}:other@{OTHER}")


def test_a_tag_that_is_another_image_already_is_an_error(ecr: Ecr) -> None:
    do_release(ecr)
    ecr.build(TAG, b"something else")
    with pytest.raises(ActionError, match=rf"shop:{TAG} is .*, and the build exported"):
        do_release(ecr)
    assert len(ecr.manifests["shop"]) == 1


def test_a_tag_that_was_pushed_again_is_not_what_was_approved(ecr: Ecr) -> None:
    """A tag can be pushed again after its image has expired."""
    approved = exported(ecr)
    ecr.build(TAG, b"something else")
    with pytest.raises(ActionError, match=rf"shop/builds:{TAG} is .*, and the build exported"):
        do_release(ecr, approved)
    assert ecr.manifests["shop"] == {}


def test_the_summary_says_that_ecs_ignores_the_alarms(ecr: Ecr) -> None:
    outcome = do_release(ecr, alarms=Alarms("web-errors", "of-another-service"))
    assert "web-errors in ALARM, so ECS ignores all alarms" in outcome.summary
    assert "of-another-service" not in outcome.summary
    assert outcome.variables, "a fix must be deliverable"
    assert "ALARM" not in do_release(ecr).summary


def test_a_release_continues_if_the_alarms_cannot_be_read(ecr: Ecr) -> None:
    outcome = do_release(ecr, alarms=SimpleNamespace())
    assert "could not be read" in outcome.summary
    assert outcome.variables


# --- Release: the export of the build -------------------------------------------------------------

REFUSED = {
    "another repository": f"{REGISTRY}/shop:{TAG}@{OTHER}",
    "a repository whose name goes on": f"{REGISTRY}/shop/builds/2:{TAG}@{OTHER}",
    "another registry": f"public.ecr.aws/x/shop/builds:{TAG}@{OTHER}",
    "a registry before it": f"evil.example/{SERVICE.builds}:{TAG}@{OTHER}",
    "no tag": f"{SERVICE.builds}@{OTHER}",
    "no digest": f"{SERVICE.builds}:{TAG}",
    "a short digest": f"{SERVICE.builds}:{TAG}@{OTHER[:-1]}",
    "a digest of another kind": f"{SERVICE.builds}:{TAG}@sha512:{'0' * 64}",
    "something after the digest": f"{SERVICE.builds}:{TAG}@{OTHER}\n",
    "the live tag": f"{SERVICE.builds}:live@{OTHER}",
    "the live tag in capitals": f"{SERVICE.builds}:LIVE@{OTHER}",
    "two images": f"{SERVICE.builds}:{TAG}@{OTHER} {SERVICE.builds}:{TAG}@{OTHER}",
    "another action": f'","action":"promote","image":"{SERVICE.repository}@{OTHER}',
    "much": "a" * 900,
    "nothing": "",
}


@pytest.mark.parametrize("what", REFUSED)
def test_only_one_image_of_this_service_s_builds_is_taken(ecr: Ecr, what: str) -> None:
    ecr.tags["shop/builds"] |= dict.fromkeys((TAG, "live", "LIVE"), OTHER)
    ecr.manifests["shop/builds"][OTHER] = "{}", OCI
    s3 = S3()
    with pytest.raises(ActionError) as refusal:
        do_release(ecr, REFUSED[what], s3=s3)
    assert len(str(refusal.value)) < 1000
    assert ecr.calls == []
    assert s3.objects == {}


def test_the_error_says_what_to_export() -> None:
    wanted = r'exported "" as IMAGE; .*shop/builds:<tag>@sha256:<digest>\. .*docs/operations\.md'
    with pytest.raises(ActionError, match=wanted):
        do_release(Ecr(), "")


# --- Release: interrupted and repeated ------------------------------------------------------------

CALLS = (
    "BatchGetImage",
    "BatchCheckLayerAvailability",
    "GetDownloadUrlForLayer",
    "InitiateLayerUpload",
    "UploadLayerPart",
    "CompleteLayerUpload",
    "PutImage",
)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_next_attempt_finishes_a_killed_release(ecr: Ecr, when: str, call: str) -> None:
    ecr.die = when, call
    with pytest.raises(KilledError):
        do_release(ecr)
    ecr.die = None
    outcome = do_release(ecr)
    digest = ecr.tags["shop/builds"][TAG]
    assert ecr.tags["shop"] == {TAG: digest}
    assert outcome.variables == {"image": f"{SERVICE.repository}@{digest}"}


def test_another_attempt_may_copy_a_layer_first(ecr: Ecr) -> None:
    layers = iter(ecr.layers["shop/builds"].items())

    def other_is_faster(url: str) -> contextlib.AbstractContextManager[Any]:
        ecr.layers["shop"].update([next(layers)])
        return ecr.download(url)

    copy = Copy(ecr, SERVICE, Clock(), other_is_faster)
    copy.release(TAG, ecr.pushed[TAG])
    assert ecr.tags["shop"] == {TAG: ecr.pushed[TAG]}


def test_another_attempt_may_finish_first(ecr: Ecr) -> None:
    def other_is_faster(url: str) -> contextlib.AbstractContextManager[Any]:
        if TAG not in ecr.tags["shop"]:
            do_release(ecr)
        return ecr.download(url)

    copy = Copy(ecr, SERVICE, Clock(), other_is_faster)
    copy.release(TAG, ecr.pushed[TAG])
    assert ecr.tags["shop"] == {TAG: ecr.pushed[TAG]}


def test_a_large_image_is_copied_in_several_calls(ecr: Ecr) -> None:
    left = [1000.0] * 8 + [0.0] * 9
    clock = Clock(remaining=lambda: left.pop(0))
    outcome = do_release(ecr, clock=clock)
    assert outcome.token
    assert outcome.variables is None
    assert ecr.tags["shop"] == {}
    assert do_release(ecr).variables


def test_a_layer_that_takes_all_the_time_ends_the_action(ecr: Ecr) -> None:
    left = [1000.0] * 3 + [0.0] * 9
    clock = Clock(remaining=lambda: left.pop(0))
    first = next(iter(ecr.manifests["shop/builds"].values()))[0]
    layer = json.loads(first)["layers"][0]
    with pytest.raises(ActionError, match=f"copy {layer['digest']}, which has 14 bytes"):
        do_release(ecr, clock=clock)


# --- Promote --------------------------------------------------------------------------------------


class Ecs:
    """A service whose newest deployment goes through ``states``, and stays in the last one."""

    def __init__(self, *states: str, image: str, sidecar: str = "", status: str = "ACTIVE") -> None:
        self.states = list(states)
        self._status = status
        self._images = {"web": image, **({"sidecar": sidecar} if sidecar else {})}

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        if (cluster, services) != ("cluster", ["web"]):
            return {"services": []}
        if self._status != "ACTIVE":
            return {"services": [{"status": self._status, "deployments": []}]}
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        deployments = [
            {"status": "ACTIVE", "rolloutState": "COMPLETED", "taskDefinition": "of-before"},
            {"status": "PRIMARY", "rolloutState": state, "taskDefinition": "newest"},
        ]
        return {"services": [{"status": self._status, "deployments": deployments}]}

    def describe_task_definition(self, *, taskDefinition: str) -> dict[str, Any]:
        assert taskDefinition == "newest"
        containers = [{"name": name, "image": image} for name, image in self._images.items()]
        return {"taskDefinition": {"containerDefinitions": containers}}


class Time:
    """A clock that moves only when the function sleeps, which has this many seconds."""

    def __init__(self, seconds: float = float("inf")) -> None:
        self.now = 0.0
        self._end = seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.now, self._sleep, lambda: self._end - self.now)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def image(ecr: Ecr) -> str:
    """The released image; another one is live."""
    ecr.tags["shop"]["live"] = ecr.push("shop", "{}", OCI)
    variables = do_release(ecr).variables
    assert variables
    return variables["image"]


def do_promote(
    ecr: Ecr, image: str, *states: str, running: str = "", clock: Clock | None = None
) -> Outcome:
    ecs = Ecs(*(states or ("COMPLETED",)), image=running or image, sidecar="xray:3")
    return promote(image, SERVICE, ecr=ecr, ecs=ecs, clock=clock or Time().clock(), since=0.0)


def test_the_image_in_service_becomes_the_live_one(ecr: Ecr, image: str) -> None:
    outcome = do_promote(ecr, image)
    assert ecr.tags["shop"]["live"] == image.partition("@")[2]
    assert outcome.summary == f"{image} is live"
    assert not outcome.token


def test_promotion_waits_while_ecs_watches_the_alarms(ecr: Ecr, image: str) -> None:
    time = Time()
    do_promote(ecr, image, "IN_PROGRESS", "IN_PROGRESS", "COMPLETED", clock=time.clock())
    assert time.now == 2 * promotion.POLL_SECONDS
    assert ecr.tags["shop"]["live"] == image.partition("@")[2]


def test_a_long_rollout_is_waited_for_in_several_calls(ecr: Ecr, image: str) -> None:
    before = ecr.tags["shop"]["live"]
    outcome = do_promote(ecr, image, "IN_PROGRESS", clock=Time(300).clock())
    assert json.loads(outcome.token) == {"since": 0.0}
    assert ecr.tags["shop"]["live"] == before
    assert do_promote(ecr, image).token == ""


def test_a_rollout_without_an_end_fails_the_delivery(ecr: Ecr, image: str) -> None:
    with pytest.raises(ActionError, match="in 30 minutes"):
        do_promote(ecr, image, "IN_PROGRESS")


def test_a_failed_rollout_fails_the_delivery(ecr: Ecr, image: str) -> None:
    with pytest.raises(ActionError, match="the rollout is FAILED"):
        do_promote(ecr, image, "IN_PROGRESS", "FAILED")


@pytest.mark.parametrize(
    "change",
    [
        lambda image: f"{image[:-1]}{'0' if image[-1] != '0' else '1'}",
        lambda image: image.replace("/shop@", "/other@"),
        lambda image: image.replace("/shop@", "/shop/builds@"),
        lambda image: f"{image.partition('@')[0]}:{TAG}",
        lambda image: f"{image.partition('@')[0]}:live",
    ],
)
def test_no_other_image_in_service_is_promoted(
    ecr: Ecr, image: str, change: Callable[[str], str]
) -> None:
    """The same digest in another repository is another image, too."""
    before = ecr.tags["shop"]["live"]
    with pytest.raises(ActionError, match="rolled back or replaced"):
        do_promote(ecr, image, "IN_PROGRESS", "COMPLETED", running=change(image))
    assert ecr.tags["shop"]["live"] == before


@pytest.mark.parametrize(
    "named",
    ["", "#{Release.image}", f"{SERVICE.repository}:{TAG}", f"evil/{SERVICE.repository}@{OTHER}"],
)
def test_only_an_image_that_was_released_is_promoted(ecr: Ecr, named: str) -> None:
    with pytest.raises(ActionError, match="Release has passed on"):
        do_promote(ecr, named)
    assert "PutImage" not in ecr.calls


def test_an_image_that_is_live_already_is_left_alone(ecr: Ecr, image: str) -> None:
    do_promote(ecr, image)
    ecr.calls.clear()
    do_promote(ecr, image)
    assert "PutImage" not in ecr.calls


def test_the_first_promotion_needs_no_live_image(ecr: Ecr, image: str) -> None:
    del ecr.tags["shop"]["live"]
    do_promote(ecr, image)
    assert ecr.tags["shop"]["live"] == image.partition("@")[2]


def test_a_deploy_just_when_live_is_moved_fails_the_delivery(ecr: Ecr, image: str) -> None:
    """It may have resolved `live` before the move: then the previous image is in service."""
    with pytest.raises(ActionError, match="retry the whole stage"):
        do_promote(ecr, image, "COMPLETED", "IN_PROGRESS")
    assert ecr.tags["shop"]["live"] == image.partition("@")[2]


@pytest.mark.parametrize("status", ["DRAINING", "INACTIVE"])
def test_the_error_says_that_the_service_is_being_deleted(
    ecr: Ecr, image: str, status: str
) -> None:
    ecs = Ecs("COMPLETED", image=image, status=status)
    with pytest.raises(ActionError, match=f"the service web is {status}"):
        promote(image, SERVICE, ecr=ecr, ecs=ecs, clock=Time().clock(), since=0.0)


def test_an_image_that_is_gone_fails_the_delivery(ecr: Ecr, image: str) -> None:
    del ecr.manifests["shop"][image.partition("@")[2]]
    with pytest.raises(ActionError, match="not in the repository any more"):
        do_promote(ecr, image)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["BatchGetImage", "PutImage"])
def test_the_next_attempt_finishes_a_killed_promotion(
    ecr: Ecr, image: str, when: str, call: str
) -> None:
    ecr.die = when, call
    with pytest.raises(KilledError):
        do_promote(ecr, image)
    assert ecr.tags["shop"]["live"], "there is always one"
    ecr.die = None
    do_promote(ecr, image)
    assert ecr.tags["shop"]["live"] == image.partition("@")[2]


# --- The job --------------------------------------------------------------------------------------


class CodePipeline:
    """The results that the function has put."""

    def __init__(self) -> None:
        self.put: dict[str, Any] = {}

    def put_job_success_result(self, **result: Any) -> None:
        assert not self.put
        self.put = {"success": result}

    def put_job_failure_result(self, **result: Any) -> None:
        assert not self.put
        self.put = {"failure": result}


def reported(outcome: Outcome | Exception) -> dict[str, Any]:
    def action() -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    pipeline = CodePipeline()
    report(pipeline, "job", action)
    return pipeline.put


def test_a_success_is_reported_with_its_variables() -> None:
    result = reported(Outcome("s" * 3000, variables={"image": "x"}))["success"]
    assert result["outputVariables"] == {"image": "x"}
    assert len(result["executionDetails"]["summary"]) == 2048
    assert "continuationToken" not in result


def test_work_in_progress_is_reported_with_a_token_and_no_variables() -> None:
    token = json.dumps({"since": 0})
    result = reported(Outcome("more", token=token, variables={"image": "x"}))["success"]
    assert result["continuationToken"] == token
    assert "outputVariables" not in result


@pytest.mark.parametrize("error", [ActionError("why"), KeyError("why"), ValueError("why")])
def test_every_failure_is_reported(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    details = reported(error)["failure"]["failureDetails"]
    assert details["type"] == "JobFailed"
    assert "why" in details["message"]
    assert "why" in capsys.readouterr().out, "the log says it, too"


def test_a_long_message_is_cut_to_what_codepipeline_takes() -> None:
    details = reported(ActionError("w" * 9000))["failure"]["failureDetails"]
    assert len(details["message"]) == 5000


SECRET = "-".join(("the", "secret", "of", "the", "job"))


def job(parameters: str, token: str = "") -> dict[str, Any]:
    """Return the data of a job, as the user guide's example of an event has it."""

    def place(location: dict[str, str]) -> dict[str, Any]:
        s3 = {"bucketName": location["Bucket"], "objectKey": location["Key"]}
        return {"name": "Artifact", "revision": None, "location": {"type": "S3", "s3Location": s3}}

    return {
        "actionConfiguration": {
            "configuration": {"FunctionName": "f", "UserParameters": parameters}
        },
        "inputArtifacts": [],
        "outputArtifacts": [place(TARGET)],
        "artifactCredentials": {
            "accessKeyId": "AKIA",
            "secretAccessKey": SECRET,
            "sessionToken": f"token-of-{SECRET}",
        },
        **({"continuationToken": token} if token else {}),
    }


def test_the_artifact_is_written_with_the_credentials_of_the_job(
    ecr: Ecr, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = S3()
    asked: dict[str, dict[str, str]] = {}

    def client(service: str, **credentials: str) -> Any:
        asked[service] = credentials
        return {"s3": s3, "ecr": ecr, "cloudwatch": Alarms()}[service]

    monkeypatch.setattr(releasing, "download_from", ecr.download)
    act(job(f"release {exported(ecr)}"), SERVICE, client=client, clock=Clock())
    assert TARGET["Key"] in s3.objects
    assert asked["ecr"] == asked["cloudwatch"] == {}, "these are the function's own"
    assert asked["s3"] == {
        "aws_access_key_id": "AKIA",
        "aws_secret_access_key": SECRET,
        "aws_session_token": f"token-of-{SECRET}",
    }


@pytest.mark.parametrize(
    "exported", ["promote x", " promote x", f'","action":"promote","image":"{OTHER}', "\npromote x"]
)
def test_nothing_that_a_build_exports_becomes_another_action(exported: str) -> None:
    def client(service: str, **_: str) -> Any:
        assert service in {"s3", "ecr", "cloudwatch"}, "a release asks no other"

    with pytest.raises(ActionError, match="the build has exported"):
        act(job(f"release {exported}"), SERVICE, client=client, clock=Clock())


@pytest.mark.parametrize("parameters", ["", '{"action": "release"}', "releases x"])
def test_the_job_of_another_pipeline_is_refused(parameters: str) -> None:
    """A deploy updates function and pipeline one after the other."""
    with pytest.raises(ActionError, match="start the pipeline again"):
        act(job(parameters), SERVICE, client=Ecr, clock=Clock())


def test_a_promotion_continues_from_its_token(ecr: Ecr, image: str) -> None:
    ecs = Ecs("IN_PROGRESS", image=image)

    def client(service: str) -> Any:
        return {"ecr": ecr, "ecs": ecs}[service]

    token = json.dumps({"since": -promotion.ROLLOUT_SECONDS - 1.0})
    with pytest.raises(ActionError, match="in 30 minutes"):
        act(
            job(f"promote {image}", token),
            SERVICE,
            client=client,
            clock=Time(300).clock(),
        )


def test_the_event_is_never_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline, boto3, config = CodePipeline(), ModuleType("boto3"), ModuleType("botocore.config")

    def client(service: str, **_: Any) -> Any:
        if service == "codepipeline":
            return pipeline
        raise ConnectionError(f"no {service} here")

    boto3.client = client  # type: ignore[attr-defined]
    config.Config = dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "boto3", boto3)
    monkeypatch.setitem(sys.modules, "botocore.config", config)
    names = ("REPOSITORY", "BUILDS_REPOSITORY", "LIVE_TAG", "CLUSTER", "SERVICE", "PIPELINE")
    for name in (*names, "CONTAINER", "IMAGE_DEFINITIONS_FILE", "LOG_GROUP"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("ALARMS", "[]")
    event = {"CodePipeline.job": {"id": "job", "data": job("release x")}}
    handler(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 1000))
    assert "no s3 here" in pipeline.put["failure"]["failureDetails"]["message"]
    said = capsys.readouterr()
    assert "ConnectionError" in said.out + said.err
    assert SECRET not in said.out + said.err + str(pipeline.put)
