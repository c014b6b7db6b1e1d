"""CloudFormation for tests: deploys and deletes stacks, and raises the reasons of failures."""

import json
import time
from collections.abc import Callable
from typing import Any

Template = dict[str, Any]


class StackFailedError(Exception):
    """The state of the stack, and the reasons of the resources that failed, one a line."""


class Stacks:
    """Deploys and deletes stacks; a method returns when the operation is over, or raises.

    If an operation takes longer than ``patience_seconds``, the error has the text of ``explain``.
    """

    def __init__(
        self,
        cloudformation: Any,
        *,
        patience_seconds: float = 300,
        explain: Callable[[], str] = str,
    ) -> None:
        self._cloudformation = cloudformation
        self._patience = patience_seconds
        self._explain = explain
        self._names: list[str] = []

    def deploy(self, name: str, resources: Template, **sections: Template) -> dict[str, str]:
        """Create the stack, or update it if this test has created it; return its outputs."""
        body = json.dumps({"Resources": resources, **sections})
        request = {
            "StackName": name,
            "TemplateBody": body,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        if name in self._names:
            self._cloudformation.update_stack(**request)
        else:
            self._cloudformation.create_stack(**request)
            self._names.append(name)
        return self.outcome(name)

    def outcome(self, name: str) -> dict[str, str]:
        status, outputs = self._settled(name)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise self._failure(name, status)
        return outputs

    def delete(self, name: str) -> None:
        self._cloudformation.delete_stack(StackName=name)
        status, _ = self._settled(name)
        if status != "DELETE_COMPLETE":
            raise self._failure(name, status)
        self._names.remove(name)

    def delete_all(self) -> None:
        for name in reversed(list(self._names)):
            self.delete(name)

    def reasons(self, name: str) -> list[str]:
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return [
            f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        ]

    def _failure(self, name: str, status: str) -> StackFailedError:
        lines = [f"{name} is {status}", *self.reasons(name)]
        if status.endswith("IN_PROGRESS"):
            lines.append(f"after {self._patience:g} s: {self._explain()}")
        return StackFailedError("\n".join(lines))

    def _settled(self, name: str) -> tuple[str, dict[str, str]]:
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            summaries = self._cloudformation.list_stacks()["StackSummaries"]
            newest = [s for s in summaries if s["StackName"] == name][-1]
            if not newest["StackStatus"].endswith("IN_PROGRESS"):
                break
            time.sleep(0.02)
        if newest["StackStatus"] == "DELETE_COMPLETE":
            return "DELETE_COMPLETE", {}
        (stack,) = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
        outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
        return stack["StackStatus"], outputs
