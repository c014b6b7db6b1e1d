"""The CodePipeline API, from moto, with the webhooks and the care for secrets that it lacks.

Pipelines are kept, not run: a pipeline that claims success for work that nobody did would be worse
than none, so starting one is refused.
"""

import copy
import json
from typing import Any

from ministack.services import iam
from moto.codepipeline.models import CodePipelineBackend
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.exceptions import JsonRESTError
from moto.iam.exceptions import NotFoundException

from rehearsal.local_aws.webhook_store import webhooks

_MASK = "****"
_SECRETS = frozenset({"OAuthToken"})
_ROLES = "iam_backend"  # where moto's back end looks for the role of a pipeline


class _Role:
    """What moto asks of a role: its trust policy, one service to a statement."""

    def __init__(self, document: dict[str, Any]) -> None:
        services: list[str] = []
        for statement in document["Statement"]:
            named = statement.get("Principal", {}).get("Service", [])
            services += [named] if isinstance(named, str) else named
        statements = [{"Principal": {"Service": service}} for service in services]
        self.assume_role_policy_document = json.dumps({"Statement": statements})


class _Roles:
    """The roles of MiniStack's IAM in the place of moto's own."""

    def get_role_by_arn(self, arn: str) -> _Role:
        for role in iam._roles.values():
            if role["Arn"] == arn:
                document = role["AssumeRolePolicyDocument"]
                return _Role(json.loads(document) if isinstance(document, str) else document)
        raise NotFoundException(f"Role {arn} not found")


def masked(pipeline: dict[str, Any]) -> dict[str, Any]:
    """Return the pipeline as CodePipeline shows it: secrets as four asterisks."""
    shown = copy.deepcopy(pipeline)
    for action in _actions(shown):
        hidden = dict.fromkeys(_SECRETS & action.get("configuration", {}).keys(), _MASK)
        action["configuration"] = action.get("configuration", {}) | hidden
    return shown


def _actions(pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    return [action for stage in pipeline["stages"] for action in stage["actions"]]


def _keep_secrets(pipeline: dict[str, Any], stored: dict[str, Any]) -> None:
    """Take asterisks in an update for the secret that is there already."""
    known = {action["name"]: action.get("configuration", {}) for action in _actions(stored)}
    for action in _actions(pipeline):
        configuration = action.get("configuration", {})
        for key in _SECRETS & configuration.keys():
            if configuration[key] == _MASK:
                configuration[key] = known.get(action["name"], {}).get(key, _MASK)


class Pipelines(CodePipelineResponse):
    """moto's answers, and ours where moto has none."""

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

    def get_pipeline_state(self) -> str:
        pipeline, _ = self.codepipeline_backend.get_pipeline(self._get_param("name"))
        stages = [
            {
                "stageName": stage["name"],
                "inboundTransitionState": {"enabled": True},
                "actionStates": [{"actionName": a["name"]} for a in stage["actions"]],
            }
            for stage in pipeline["stages"]
        ]
        state = {"pipelineName": pipeline["name"], "pipelineVersion": pipeline["version"]}
        return json.dumps(state | {"stageStates": stages})

    def start_pipeline_execution(self) -> str:
        name = self._get_param("name")
        message = f"The local AWS keeps the pipeline '{name}' but does not run its actions."
        raise JsonRESTError("ConflictException", message)

    def put_webhook(self) -> str:
        return webhooks(self.current_account, self.region).put(self._get_param("webhook"))

    def list_webhooks(self) -> str:
        return webhooks(self.current_account, self.region).list()

    def delete_webhook(self) -> str:
        return webhooks(self.current_account, self.region).delete(self._get_param("name"))

    def register_webhook_with_third_party(self) -> str:
        name = self._get_param("webhookName")
        return webhooks(self.current_account, self.region).register(name, registered=True)

    def deregister_webhook_with_third_party(self) -> str:
        name = self._get_param("webhookName")
        return webhooks(self.current_account, self.region).register(name, registered=False)

    @staticmethod
    def _masked(answer: str) -> str:
        parsed = json.loads(answer)
        return json.dumps(parsed | {"pipeline": masked(parsed["pipeline"])})


API = Pipelines
setattr(CodePipelineBackend, _ROLES, property(lambda _backend: _Roles()))
