"""The CodePipeline API, from moto, with webhooks and executions, which moto lacks.

`executions` keeps the executions; a worker outside does their actions. A function reports the
result of its job itself.
"""

import json
import re
import time
import uuid
from types import SimpleNamespace
from typing import Any

from moto.codepipeline.models import CodePipelineBackend
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.base_backend import BackendDict

from cdk_rehearsal.services.codepipeline.errors import error
from cdk_rehearsal.services.codepipeline.executions import Executions

_TOKEN = re.compile(r'("OAuthToken": )"(?:[^"\\]|\\.)*"')


class _Roles:
    """Roles that trust CodePipeline, as moto asks for; the worker assumes the real role."""

    def get_role_by_arn(self, _arn: str) -> SimpleNamespace:
        statement = {"Principal": {"Service": "codepipeline.amazonaws.com"}}
        return SimpleNamespace(assume_role_policy_document=json.dumps({"Statement": [statement]}))


class _Backend(CodePipelineBackend):
    """moto's pipelines, with executions and webhooks."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.executions = Executions()
        self.webhooks: dict[str, dict[str, Any]] = {}

    @property
    def iam_backend(self) -> Any:
        return _Roles()


_backends = BackendDict(_Backend, "codepipeline")


class API(CodePipelineResponse):
    """The operations of moto, and those that moto does not have."""

    @property
    def codepipeline_backend(self) -> _Backend:
        backend: _Backend = _backends[self.current_account][self.region]
        return backend

    def get_pipeline(self) -> str:
        """Show a token as four asterisks."""
        return _TOKEN.sub(r'\1"****"', super().get_pipeline())

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
        return json.dumps({"pipelineExecution": found.summary()})

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

    def get_job_details(self) -> str:
        return json.dumps({"jobDetails": self._executions.job(self._get_param("jobId"))})

    def put_job_success_result(self) -> str:
        job = self._get_param("jobId")
        if token := self._get_param("continuationToken"):
            self._executions.go_on(job, token)
            return json.dumps({})
        summary = (self._get_param("executionDetails") or {}).get("summary", "")
        revision, variables = map(self._get_param, ("currentRevision", "outputVariables"))
        self._executions.succeed(job, summary, revision, variables)
        return json.dumps({})

    def put_job_failure_result(self) -> str:
        message = self._get_param("failureDetails")["message"]
        self._executions.fail(self._get_param("jobId"), message)
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
        return json.dumps({"webhook": item})

    def list_webhooks(self) -> str:
        return json.dumps({"webhooks": list(self._webhooks.values())})

    def delete_webhook(self) -> str:
        self._webhooks.pop(self._get_param("name"), None)  # no error in CodePipeline either
        return json.dumps({})

    def _pipeline(self, name: str) -> dict[str, Any]:
        pipeline, _ = self.codepipeline_backend.get_pipeline(name)
        return dict(pipeline)

    @property
    def _executions(self) -> Executions:
        return self.codepipeline_backend.executions

    @property
    def _webhooks(self) -> dict[str, dict[str, Any]]:
        return self.codepipeline_backend.webhooks
