"""The order in which a pipeline's actions are run, and where it ends."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.pipeline_run import ActionFailedError, PipelineRun
from tools.rehearsal.pipeline.source_tree import Source

Action = dict[str, Any]
SOURCE: Action = {
    "name": "Source",
    "runOrder": 1,
    "actionTypeId": {"category": "Source", "provider": "GitHub"},
    "outputArtifacts": [{"name": "code"}],
}


def commands(name: str, *, order: int = 1) -> Action:
    return {
        "name": name,
        "runOrder": order,
        "actionTypeId": {"category": "Compute", "provider": "Commands"},
        "inputArtifacts": [{"name": "code"}],
        "commands": [name],
    }


class Outside:
    """A context in which the command `fails` fails and every other one is written down."""

    def __init__(self, *stages: list[Action]) -> None:
        self.did: list[str] = []
        self.roles: list[tuple[str, str]] = []
        self._stages = [
            {"name": f"stage {number}", "actions": actions} for number, actions in enumerate(stages)
        ]
        self._objects: dict[str, bytes] = {}

    def run(self, **options: Any) -> list[str]:
        return self.pipeline().run("commit", **options)

    def pipeline(self) -> PipelineRun:
        docker = DockerCommand(folder=Path(), variables={}, description="")
        context = SimpleNamespace(
            outputs=lambda _stack: {"PipelineName": "delivery"},
            aws=SimpleNamespace(client=self.client, access=self),
            workspace=SimpleNamespace(shell=self._shell),
            source=Source(files={"app.py": b""}, links={}, origin="made up"),
        )
        return PipelineRun(cast("RehearsalContext", context), docker)

    key = None
    exceptions = SimpleNamespace(ResourceAlreadyExistsException=KeyError)

    def role(self, arn: str, *, service: str = "") -> "Outside":
        self.roles.append((arn, service))
        return self

    def client(self, _service: str) -> "Outside":
        return self

    def create_log_group(self, **_: Any) -> None:
        raise KeyError

    def create_log_stream(self, **_: Any) -> None:
        """Write nothing."""

    put_log_events = create_log_stream

    def get_pipeline(self, **_: Any) -> dict[str, Any]:
        store = {"location": "bucket"}
        stages = {"name": "delivery", "roleArn": "the pipeline's", "stages": self._stages}
        return {"pipeline": stages | {"artifactStore": store}}

    def put_object(self, **request: Any) -> None:
        self._objects[request["Key"]] = request["Body"]

    def get_object(self, **request: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._objects[request["Key"]])}

    def _shell(self, command: str, folder: Path, _key: None) -> str:
        assert (folder / "app.py").exists(), "the artifact is there"
        if command == "fails":
            raise RehearsalError("said so")
        self.did.append(command)
        return ""


def test_actions_run_stage_by_stage_in_their_order() -> None:
    outside = Outside([SOURCE], [commands("second", order=2), commands("first")], [commands("x")])
    assert outside.run() == ["Source", "first", "second", "x"]
    assert outside.did == ["first", "second", "x"]


def test_the_first_action_that_fails_ends_the_execution() -> None:
    outside = Outside([SOURCE], [commands("fails"), commands("second", order=2)], [commands("x")])
    with pytest.raises(ActionFailedError, match="the action fails failed: said so") as failure:
        outside.run()
    assert (failure.value.action, failure.value.done) == ("fails", ["Source"])
    assert outside.did == []


def test_what_happens_elsewhere_happens_just_before_its_action() -> None:
    outside = Outside([SOURCE], [commands("first"), commands("second", order=2)])
    outside.run(before={"second": lambda: outside.did.append("elsewhere")})
    assert outside.did == ["first", "elsewhere", "second"]


def test_a_stage_is_run_again_with_the_artifacts_of_the_last_execution() -> None:
    outside = Outside([SOURCE], [commands("first"), commands("second", order=2)], [commands("x")])
    pipeline = outside.pipeline()
    pipeline.run("commit")
    assert pipeline.retry("stage 1") == ["first", "second"]
    assert outside.did == ["first", "second", "x", "first", "second"]


def test_nothing_can_be_retried_before_it_has_run() -> None:
    with pytest.raises(RehearsalError, match="no execution to retry"):
        Outside([SOURCE]).pipeline().retry("stage 0")


def test_an_action_that_is_not_supported_is_not_passed_over() -> None:
    kind = {"category": "Invoke", "provider": "Lambda"}
    outside = Outside([SOURCE], [commands("x") | {"actionTypeId": kind}])
    with pytest.raises(RehearsalError, match=r"\('Invoke', 'Lambda'\)\) is not supported"):
        outside.run()


def test_each_action_is_done_with_its_role_which_the_pipeline_assumes_with_its_own() -> None:
    own = commands("own") | {"roleArn": "the action's"}
    outside = Outside([SOURCE], [commands("none"), own])
    outside.run()
    assert outside.roles == [("the pipeline's", "codepipeline.amazonaws.com"), ("the action's", "")]
