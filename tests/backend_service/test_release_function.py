"""The function that releases and promotes: its input, its refusals, and its repetition."""

# The arguments of boto3 are called as AWS calls them.
# ruff: noqa: N803

import functools
import io
import json
import sys
import zipfile
from collections.abc import Callable
from dataclasses import fields
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from backend_service.release import function, promotion
from backend_service.release.action import ActionError, Clock, Outcome, Service
from backend_service.release.function import act, handler, report
from backend_service.release.promotion import promote
from backend_service.release.releasing import release
from backend_service.release.sources import WAITS
from tests.backend_service.fake_ecr import (
    INDEX,
    OCI,
    OTHER,
    REGISTRY,
    SERVICE,
    TAG,
    TARGET,
    Ecr,
    KilledError,
    Response,
    digest_of,
    status,
)


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
    continues: str = "{}",
    send: Any = None,
) -> Outcome:
    """Release the image that a build has exported, by default the one with the tag ``TAG``."""

    def client(service: str, **options: str) -> Any:
        return alarms or Alarms() if service == "cloudwatch" else ecr.client(service, **options)

    return release(
        exported(ecr) if built is None else built,
        SERVICE,
        client=client,
        put=lambda content: (s3 or S3()).put_object(**TARGET, Body=content),
        clock=clock or Clock(),
        unfinished=json.loads(continues),
        send=send or ecr.send,
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
    with pytest.raises(ActionError, match=rf"shop:{TAG} is sha256:.*, not sha256:"):
        do_release(ecr)
    assert len(ecr.manifests["shop"]) == 1


def test_a_tag_that_was_pushed_again_is_not_what_was_approved(ecr: Ecr) -> None:
    """A tag can be pushed again after its image has expired."""
    approved = exported(ecr)
    ecr.manifests["shop/builds"].clear()
    ecr.build(TAG, b"something else")
    with pytest.raises(ActionError, match=f"there is no image {approved}"):
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
    wanted = r'"" is no image .*shop/builds:<tag>@sha256:<digest>, .*docs/operations\.md'
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
    def other_is_faster(request: Any) -> Response:
        digest = request.full_url.partition("@")[2]
        ecr.layers["shop"][digest] = ecr.layers["shop/builds"][digest]
        return ecr.send(request)

    do_release(ecr, send=other_is_faster)
    assert ecr.tags["shop"] == {TAG: ecr.pushed[TAG]}


def test_another_attempt_may_finish_first(ecr: Ecr) -> None:
    def other_is_faster(request: Any) -> Response:
        if TAG not in ecr.tags["shop"]:
            do_release(ecr)
        return ecr.send(request)

    do_release(ecr, send=other_is_faster)
    assert ecr.tags["shop"] == {TAG: ecr.pushed[TAG]}


# --- Release: large layers, and registries that fail ----------------------------------------------


class Limited:
    """A clock of a function that has time for ``steps`` looks at it; ``slept`` are its pauses."""

    def __init__(self, steps: int = 1000) -> None:
        self.slept: list[float] = []
        self._steps = steps

    def clock(self) -> Clock:
        return Clock(sleep=self.slept.append, remaining=self._remaining)

    def _remaining(self) -> float:
        self._steps -= 1
        return 1000.0 if self._steps >= 0 else 0.0


@pytest.mark.parametrize("steps", range(7, 30, 3))
def test_the_next_call_continues_in_the_middle_of_a_layer(ecr: Ecr, steps: int) -> None:
    outcome = do_release(ecr, clock=Limited(steps).clock())
    assert outcome.token
    assert outcome.variables is None
    assert ecr.tags["shop"] == {}
    assert len(outcome.token) < 2048, "CodePipeline takes no longer token"
    assert do_release(ecr, continues=outcome.token).variables
    assert ecr.layers["shop"] == ecr.layers["shop/builds"]


def test_no_part_of_a_layer_is_copied_twice(ecr: Ecr) -> None:
    token, sent = "{}", []
    for _ in range(100):
        ecr.calls.clear()
        outcome = do_release(ecr, continues=token, clock=Limited(10).clock())
        sent += [call for call in ecr.calls if call == "UploadLayerPart"]
        if not (token := outcome.token):
            break
    sizes = [len(layer) for layer in ecr.layers["shop/builds"].values()]
    assert len(sent) == sum(-(-size // 4) for size in sizes)


def test_a_call_that_copies_nothing_ends_the_action(ecr: Ecr) -> None:
    with pytest.raises(ActionError, match=r"time is not enough for a part of sha256:"):
        do_release(ecr, clock=Limited(2).clock())


FAULTS: dict[str, Any] = {
    "a connection that is cut": lambda data: data[: len(data) // 2],
    "a connection that is closed at once": lambda _: b"",
    "too many requests": status(429),
    "a server that fails": status(503),
    "a network that fails": ConnectionResetError("reset"),
    "a server that is silent": TimeoutError("timed out"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_failure_that_may_pass_is_followed_by_another_attempt(ecr: Ecr, what: str) -> None:
    limited = Limited()
    ecr.faults = [FAULTS[what]] * 3
    assert do_release(ecr, clock=limited.clock()).variables
    assert limited.slept == [1, 2, 4]
    assert ecr.layers["shop"] == ecr.layers["shop/builds"]


def test_a_registry_that_keeps_failing_ends_the_action_with_its_reason(ecr: Ecr) -> None:
    ecr.faults = [status(500)] * 20
    with pytest.raises(ActionError, match=r"sha256:\w+: HTTP Error 500"):
        do_release(ecr, clock=Limited().clock())
    assert len(ecr.ranges) == len(WAITS) + 1


def test_a_refusal_is_not_repeated(ecr: Ecr) -> None:
    ecr.faults = [status(403)]
    with pytest.raises(ActionError, match="HTTP Error 403"):
        do_release(ecr, clock=Limited().clock())
    assert len(ecr.ranges) == 1


def test_a_layer_whose_data_is_damaged_is_copied_again(ecr: Ecr) -> None:
    """Only ECR's comparison of the digest counts."""
    ecr.faults = [lambda data: b"x" * len(data)]
    assert do_release(ecr).variables
    assert ecr.layers["shop"] == ecr.layers["shop/builds"]


def test_a_layer_that_stays_damaged_is_no_image(ecr: Ecr) -> None:
    ecr.faults = [lambda data: b"x" * len(data)] * 100
    with pytest.raises(ActionError, match="ECR does not accept sha256:"):
        do_release(ecr)
    assert ecr.tags["shop"] == {}


def test_an_upload_that_ecr_has_forgotten_begins_anew(ecr: Ecr) -> None:
    token = do_release(ecr, clock=Limited(10).clock()).token
    ecr.uploads.clear()
    assert do_release(ecr, continues=token).variables
    assert ecr.layers["shop"] == ecr.layers["shop/builds"]


@pytest.mark.parametrize("change", [-4, 4])
def test_what_ecr_has_received_counts_and_not_what_the_function_remembers(
    ecr: Ecr, change: int
) -> None:
    """An earlier attempt was killed after a part, or the answer to a part was lost."""
    token = json.loads(do_release(ecr, clock=Limited(11).clock()).token)
    assert token["sent"] > 4
    token["sent"] += change
    assert do_release(ecr, continues=json.dumps(token)).variables
    assert ecr.layers["shop"] == ecr.layers["shop/builds"]


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
    client = {"ecr": ecr, "ecs": ecs}.__getitem__
    return promote(image, SERVICE, client=client, clock=clock or Time().clock(), since=0.0)


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
    with pytest.raises(ActionError, match="is no image"):
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
    client = {"ecr": ecr, "ecs": ecs}.__getitem__
    with pytest.raises(ActionError, match=f"the service web is {status}"):
        promote(image, SERVICE, client=client, clock=Time().clock(), since=0.0)


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

    def client(service: str, **options: str) -> Any:
        asked[service] = {key: value for key, value in options.items() if key != "region_name"}
        return {"s3": s3, "ecr": ecr, "cloudwatch": Alarms()}[service]

    monkeypatch.setattr(function, "release", functools.partial(release, send=ecr.send))
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

    with pytest.raises(ActionError, match="no other is released"):
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
    for each in fields(Service):
        monkeypatch.setenv(each.name.upper(), "x")
    event = {"CodePipeline.job": {"id": "job", "data": job("release x")}}
    handler(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 1000))
    assert "no s3 here" in pipeline.put["failure"]["failureDetails"]["message"]
    said = capsys.readouterr()
    assert "ConnectionError" in said.out + said.err
    assert SECRET not in said.out + said.err + str(pipeline.put)
