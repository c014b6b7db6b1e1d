"""The order in which a pipeline's actions are run, and where it ends."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.lambda_action import LambdaAction
from tools.rehearsal.pipeline.pipeline_run import CODEPIPELINE, ActionFailedError, PipelineRun
from tools.rehearsal.pipeline.source_tree import Source

Action = dict[str, Any]
SOURCE: Action = {
    "name": "Source",
    "runOrder": 1,
    "actionTypeId": {"category": "Source", "provider": "GitHub"},
    "outputArtifacts": [{"name": "code"}],
}


def invoke(name: str, *, order: int = 1, asked: str = "") -> Action:
    return {
        "name": name,
        "namespace": f"of-{name}",
        "runOrder": order,
        "actionTypeId": {"category": "Invoke", "provider": "Lambda"},
        "configuration": {"FunctionName": name, "UserParameters": asked},
        "inputArtifacts": [{"name": "code"}],
        "outputArtifacts": [],
    }


class Outside:
    """A context in which the function `fails` fails and every other one is written down."""

    def __init__(self, *stages: list[Action]) -> None:
        self.did: list[str] = []
        self.roles: list[tuple[str, str]] = []
        self._stages = [
            {"name": f"stage {number}", "actions": actions} for number, actions in enumerate(stages)
        ]
        self._objects: dict[str, bytes] = {}
        self.source = Source(files={"app.py": b""}, links={}, origin="made up")

    def run(self, **options: Any) -> list[str]:
        return self.pipeline().run("commit", **options)

    def pipeline(self) -> PipelineRun:
        docker = DockerCommand(folder=Path(), variables={}, description="")
        context = SimpleNamespace(
            outputs=lambda _stack="": {"PipelineName": "delivery"},
            aws=SimpleNamespace(client=self.client, access=self),
            source=self.source,
        )
        return PipelineRun(cast("RehearsalContext", context), docker)

    def role(self, arn: str, *, service: str = "") -> "Outside":
        self.roles.append((arn, service))
        return self

    def client(self, _service: str) -> "Outside":
        return self

    def get_pipeline(self, **_: Any) -> dict[str, Any]:
        store = {"location": "bucket"}
        stages = {"name": "delivery", "roleArn": "the pipeline's", "stages": self._stages}
        return {"pipeline": stages | {"artifactStore": store}}

    def put_object(self, **request: Any) -> None:
        self._objects[request["Key"]] = request["Body"]

    def get_object(self, **request: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._objects[request["Key"]])}

    def call(
        self, action: Action, *, inputs: Any, user_parameters: str, **_: Any
    ) -> dict[str, str]:
        assert inputs["code"]["Key"] in self._objects, "the artifact is there"
        if action["name"] == "fails":
            raise RehearsalError("said so")
        self.did.append(action["name"] + user_parameters)
        return {"number": str(len(self.did))}


@pytest.fixture(autouse=True)
def functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the outside do what a function would."""

    def run(self: LambdaAction, action: Action, **given: Any) -> dict[str, str]:
        outside = cast("Outside", self._aws.client("s3"))
        return outside.call(action, **given)

    monkeypatch.setattr(LambdaAction, "run", run)


def test_actions_run_stage_by_stage_in_their_order() -> None:
    outside = Outside([SOURCE], [invoke("second", order=2), invoke("first")], [invoke("x")])
    assert outside.run() == ["Source", "first", "second", "x"]
    assert outside.did == ["first", "second", "x"]


def test_the_first_action_that_fails_ends_the_execution() -> None:
    outside = Outside([SOURCE], [invoke("fails"), invoke("second", order=2)], [invoke("x")])
    with pytest.raises(ActionFailedError, match="the action fails failed: said so") as failure:
        outside.run()
    assert (failure.value.action, failure.value.done) == ("fails", ["Source"])
    assert outside.did == []


def test_what_happens_elsewhere_happens_just_before_its_action() -> None:
    outside = Outside([SOURCE], [invoke("first"), invoke("second", order=2)])
    outside.run(before={"second": lambda: outside.did.append("elsewhere")})
    assert outside.did == ["first", "elsewhere", "second"]


def test_a_stage_is_run_again_with_the_artifacts_of_the_last_execution() -> None:
    outside = Outside([SOURCE], [invoke("first"), invoke("second", order=2)], [invoke("x")])
    pipeline = outside.pipeline()
    pipeline.run("commit")
    assert pipeline.retry("stage 1") == ["first", "second"]
    assert outside.did == ["first", "second", "x", "first", "second"]


def test_nothing_can_be_retried_before_it_has_run() -> None:
    with pytest.raises(RehearsalError, match="no execution to retry"):
        Outside([SOURCE]).pipeline().retry("stage 0")


def test_an_action_that_is_not_supported_is_not_passed_over() -> None:
    kind = {"category": "Compute", "provider": "Commands"}
    outside = Outside([SOURCE], [invoke("x") | {"actionTypeId": kind}])
    with pytest.raises(RehearsalError, match=r"\('Compute', 'Commands'\)\) is not supported"):
        outside.run()


def test_an_action_is_given_the_variables_of_those_before_it() -> None:
    asked = invoke("second", order=2, asked=" of #{of-first.number}")
    outside = Outside([SOURCE], [invoke("first"), asked])
    outside.run()
    assert outside.did == ["first", "second of 1"]


@pytest.mark.parametrize("asked", ["#{of-first.letter}", "#{elsewhere.number}"])
def test_an_action_that_names_what_nobody_has_handed_on_does_not_begin(asked: str) -> None:
    outside = Outside([SOURCE], [invoke("first"), invoke("second", order=2, asked=asked)])
    with pytest.raises(ActionFailedError, match="could not be resolved: Action name=second"):
        outside.run()
    assert outside.did == ["first"]


def test_another_execution_has_variables_of_its_own() -> None:
    asked = invoke("second", asked="#{of-first.number}")
    outside = Outside([SOURCE], [invoke("first")], [asked])
    pipeline = outside.pipeline()
    pipeline.run("commit")
    first = pipeline.artifacts
    pipeline.run("commit")
    assert first.variables["of-first"] == {"number": "1"}
    assert pipeline.artifacts.variables["of-first"] == {"number": "3"}


def deploy(files: dict[str, bytes]) -> None:
    action = invoke("Deploy") | {
        "actionTypeId": {"category": "Deploy", "provider": "ECS"},
        "configuration": {"FileName": "images.json", "ClusterName": "c", "ServiceName": "s"},
    }
    outside = Outside([SOURCE], [action])
    outside.source = Source(files=files, links={"loop": "loop"}, origin="made up")
    outside.run()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no images.json in the artifact"),
        (b"\xff", "cannot be read: it is not UTF-8"),
        (b"{", "images.json is no list like"),
        (b'["x"]', "images.json is no list like"),
        (b'[{"name": "x"}]', "images.json is no list like"),
    ],
)
def test_image_definitions_that_are_none_fail_the_action(
    content: bytes | None, reason: str
) -> None:
    with pytest.raises(ActionFailedError, match=reason):
        deploy({} if content is None else {"images.json": content})


def test_each_action_is_done_with_its_role_which_the_pipeline_assumes_with_its_own() -> None:
    own = invoke("own") | {"roleArn": "the action's"}
    outside = Outside([SOURCE], [invoke("none"), own])
    outside.run()
    assert outside.roles == [("the pipeline's", CODEPIPELINE), ("the action's", "")]
