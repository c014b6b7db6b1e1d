"""The CodePipeline API, from moto, with webhooks, masked secrets and executions, which moto lacks.

`codepipeline_executions` keeps the executions; a worker outside does their actions. A function may
report the result of a job that the worker has invented for it, which is not kept.
"""

import copy
import json
import time
import uuid
from functools import cache
from types import SimpleNamespace
from typing import Any

from ministack.services import iam
from moto.codepipeline.models import CodePipelineBackend
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.base_backend import BackendDict
from moto.iam.exceptions import NotFoundException

from cdk_rehearsal.services.codepipeline.errors import error
from cdk_rehearsal.services.codepipeline.executions import Executions

_MASK = "****"
_SECRETS = frozenset({"OAuthToken"})


class _Roles:
    """The roles of MiniStack's IAM, instead of moto's own."""

    def get_role_by_arn(self, arn: str) -> SimpleNamespace:
        """Return a role as moto expects it: its policy has one service in each statement."""
        role = next((each for each in iam._roles.values() if each["Arn"] == arn), None)
        if role is None:
            raise NotFoundException(f"Role {arn} not found")
        document = role["AssumeRolePolicyDocument"]
        trust = json.loads(document) if isinstance(document, str) else document
        named = [each.get("Principal", {}).get("Service", []) for each in trust["Statement"]]
        services = [each for some in named for each in ([some] if isinstance(some, str) else some)]
        statements = [{"Principal": {"Service": service}} for service in services]
        return SimpleNamespace(assume_role_policy_document=json.dumps({"Statement": statements}))


class _Backend(CodePipelineBackend):
    """moto's pipelines, whose roles are those of MiniStack's IAM."""

    @property
    def iam_backend(self) -> Any:
        return _Roles()


_backends = BackendDict(_Backend, "codepipeline")


def _masked(pipeline: dict[str, Any]) -> dict[str, Any]:
    """Return the pipeline as CodePipeline shows it: secrets as four asterisks."""
    shown = copy.deepcopy(pipeline)
    for action in _actions(shown):
        hidden = dict.fromkeys(_SECRETS & action.get("configuration", {}).keys(), _MASK)
        action["configuration"] = action.get("configuration", {}) | hidden
    return shown


def _actions(pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    return [action for stage in pipeline["stages"] for action in stage["actions"]]


def _keep_secrets(pipeline: dict[str, Any], stored: dict[str, Any]) -> None:
    """Replace asterisks in an update by the secret that is stored already."""
    known = {action["name"]: action.get("configuration", {}) for action in _actions(stored)}
    for action in _actions(pipeline):
        configuration = action.get("configuration", {})
        for key in _SECRETS & configuration.keys():
            if configuration[key] == _MASK:
                configuration[key] = known.get(action["name"], {}).get(key, _MASK)


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    """Return a webhook as ListWebhooks does, without its secret."""
    definition = dict(item["definition"])
    configuration = dict(definition.get("authenticationConfiguration", {}))
    if "SecretToken" in configuration:
        configuration["SecretToken"] = _MASK
    shown = {"url": item["url"], "arn": item["arn"]}
    return shown | {"definition": definition | {"authenticationConfiguration": configuration}}


@cache
def _webhooks(_account: str, _region: str) -> dict[str, dict[str, Any]]:
    """Return the webhooks of an account and region, by name; moto has none."""
    return {}


@cache
def _executions(_account: str, _region: str) -> Executions:
    return Executions()


class API(CodePipelineResponse):
    """The operations of moto, and those that moto does not have."""

    @property
    def codepipeline_backend(self) -> _Backend:
        backend: _Backend = _backends[self.current_account][self.region]
        return backend

    def create_pipeline(self) -> str:
        return self._masked(super().create_pipeline())

    def get_pipeline(self) -> str:
        return self._masked(super().get_pipeline())

    def update_pipeline(self) -> str:
        pipeline = self._get_param("pipeline")
        stored, _ = self.codepipeline_backend.get_pipeline(pipeline["name"])
        _keep_secrets(pipeline, stored)
        return self._masked(
            json.dumps({"pipeline": self.codepipeline_backend.update_pipeline(pipeline)})
        )

    def delete_pipeline(self) -> str:
        self._executions.forget(self._get_param("name"))
        return super().delete_pipeline()

    def get_pipeline_state(self) -> str:
        pipeline = self._pipeline(self._get_param("name"))
        stages = [
            {"stageName": stage["name"], "inboundTransitionState": {"enabled": True}}
            | self._executions.stage_state(pipeline["name"], stage)
            for stage in pipeline["stages"]
        ]
        state = {"pipelineName": pipeline["name"], "pipelineVersion": pipeline["version"]}
        return json.dumps(state | {"stageStates": stages})

    def start_pipeline_execution(self) -> str:
        pipeline = self._pipeline(self._get_param("name"))
        started = self._executions.start(pipeline, self._get_param("sourceRevisions"))
        return json.dumps({"pipelineExecutionId": started})

    def rollback_stage(self) -> str:
        pipeline = self._pipeline(self._get_param("pipelineName"))
        stage, target = self._get_param("stageName"), self._get_param("targetPipelineExecutionId")
        started = self._executions.roll_back(pipeline, stage, target)
        return json.dumps({"pipelineExecutionId": started})

    def retry_stage_execution(self) -> str:
        pipeline = self._pipeline(self._get_param("pipelineName"))
        stage, execution = self._get_param("stageName"), self._get_param("pipelineExecutionId")
        mode = self._get_param("retryMode")
        retried = self._executions.retry(pipeline["name"], stage, execution, mode)
        return json.dumps({"pipelineExecutionId": retried})

    def stop_pipeline_execution(self) -> str:
        pipeline = self._pipeline(self._get_param("pipelineName"))
        if not self._get_param("abandon"):
            raise error("ValidationException")
        stopped, reason = self._get_param("pipelineExecutionId"), self._get_param("reason") or ""
        self._executions.stop(pipeline["name"], stopped, reason)
        return json.dumps({"pipelineExecutionId": stopped})

    def get_pipeline_execution(self) -> str:
        pipeline = self._pipeline(self._get_param("pipelineName"))
        found = self._executions.find(pipeline["name"], self._get_param("pipelineExecutionId"))
        return json.dumps({"pipelineExecution": found.details()})

    def list_pipeline_executions(self) -> str:
        pipeline = self._pipeline(self._get_param("pipelineName"))
        succeeded = (self._get_param("filter") or {}).get("succeededInStage", {})
        in_stage, most = succeeded.get("stageName", ""), self._get_param("maxResults") or 100
        listed = self._executions.summaries(pipeline["name"], in_stage, most)
        return json.dumps({"pipelineExecutionSummaries": listed})

    def list_action_executions(self) -> str:
        pipeline = self._pipeline(self._get_param("pipelineName"))
        wanted, most = self._get_param("filter") or {}, self._get_param("maxResults") or 100
        wanted = wanted.get("latestInPipelineExecution", wanted).get("pipelineExecutionId")
        listed = self._executions.begun_actions(pipeline["name"], wanted)
        return json.dumps({"actionExecutionDetails": listed[:most]})

    def poll_for_jobs(self) -> str:
        return json.dumps({"jobs": self._executions.poll(self._get_param("actionTypeId"))})

    def acknowledge_job(self) -> str:
        return json.dumps({"status": self._executions.acknowledge(self._get_param("jobId"))})

    def put_job_success_result(self) -> str:
        job = self._get_param("jobId")
        if self._executions.has_job(job):
            summary = (self._get_param("executionDetails") or {}).get("summary", "")
            revision, variables = (
                self._get_param(each) for each in ("currentRevision", "outputVariables")
            )
            self._executions.succeed(job, summary, revision, variables)
        return json.dumps({})

    def put_job_failure_result(self) -> str:
        job = self._get_param("jobId")
        if self._executions.has_job(job):
            self._executions.fail(job, self._get_param("failureDetails")["message"])
        return json.dumps({})

    def put_approval_result(self) -> str:
        result = self._get_param("result")
        token = self._get_param("token")
        self._executions.approve(token, result["status"], result.get("summary", ""))
        return json.dumps({"approvedAt": time.time()})

    def put_webhook(self) -> str:
        definition = self._get_param("webhook")
        self._pipeline(definition["targetPipeline"])  # it must exist
        prefix = f"arn:aws:codepipeline:{self.region}:{self.current_account}"
        item = self._webhooks.setdefault(
            definition["name"],
            {
                "url": f"https://{self.region}.webhooks.aws/trigger?id={uuid.uuid4()}",
                "arn": f"{prefix}:webhook:{definition['name']}",
            },
        )
        item["definition"] = definition
        return json.dumps({"webhook": _shown(item)})

    def list_webhooks(self) -> str:
        return json.dumps({"webhooks": [_shown(item) for item in self._webhooks.values()]})

    def delete_webhook(self) -> str:
        self._webhooks.pop(self._get_param("name"), None)  # no error in CodePipeline either
        return json.dumps({})

    def register_webhook_with_third_party(self) -> str:
        return json.dumps({})  # GitHub cannot be reached from here

    def _pipeline(self, name: str) -> dict[str, Any]:
        pipeline, _ = self.codepipeline_backend.get_pipeline(name)
        return dict(pipeline)

    @property
    def _executions(self) -> Executions:
        return _executions(self.current_account, self.region)

    @property
    def _webhooks(self) -> dict[str, dict[str, Any]]:
        return _webhooks(self.current_account, self.region)

    @staticmethod
    def _masked(response: str) -> str:
        parsed = json.loads(response)
        return json.dumps(parsed | {"pipeline": _masked(parsed["pipeline"])})
