"""Proves a deploy policy: all passes with it, and without a statement something is missed."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from cdk_rehearsal.access import Access
from cdk_rehearsal.deploy_policy.least import DeployPolicy, Document, Granted
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.report import ConsoleReport

_NAME = "deploy-policy-{}"


class ManagedPolicies:
    """The documents of a deploy policy as managed policies of a local AWS; ``arns`` name them.

    The CDK bootstraps with them: `cdk bootstrap --cloudformation-execution-policies`.
    """

    def __init__(self, access: Access, documents: Sequence[Document]) -> None:
        self._access, self._iam = access, access.client("iam")
        self._documents = dict[str, Document]()
        for number, document in enumerate(documents, 1):
            made = self._iam.create_policy(
                PolicyName=_NAME.format(number), PolicyDocument=json.dumps(document)
            )
            self._documents[made["Policy"]["Arn"]] = document
        self.arns = list(self._documents)

    @contextmanager
    def without(self, sid: str) -> Iterator[None]:
        """Take a statement away for the time of the block."""
        (arn,) = (
            arn
            for arn, document in self._documents.items()
            if any(each["Sid"] == sid for each in document["Statement"])
        )
        document = self._documents[arn]
        kept = [each for each in document["Statement"] if each["Sid"] != sid]
        self._set(arn, {**document, "Statement": kept})
        try:
            yield
        finally:
            self._set(arn, document)

    def refusals(self) -> Counter[tuple[str, str]]:
        """Return how often the judge has refused each action on each resource until now."""
        return Counter(
            {
                (each["action"], each["resource"]): each["times"]
                for each in self._access.ledger()["refusals"]
            }
        )

    def _set(self, arn: str, document: Document) -> None:
        versions = self._iam.list_policy_versions(PolicyArn=arn)["Versions"]
        for version in versions:
            if not version["IsDefaultVersion"]:
                self._iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        self._iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True
        )


def sample_of(policy: DeployPolicy, count: int) -> list[Granted]:
    """Return statements that a creation or deletion needs, from all over the policy."""
    made = [
        each
        for each in policy.granted
        if any(use["operation"] != "update" for demand in each.demands for use in demand.uses)
    ]
    chosen = min(count, len(made))
    return [made[number * len(made) // chosen] for number in range(chosen)]


def take_away(
    report: ConsoleReport,
    policies: ManagedPolicies,
    chosen: Iterable[Granted],
    *,
    deploy: Callable[[], object],
    destroy: Callable[[], object],
) -> None:
    """Deploy and destroy without each of these statements in turn; report the action it misses.

    ``RehearsalError`` if nothing fails, or if the judge has refused no action of the statement.
    """
    for granted in chosen:
        with report.step(f"Without the statement {granted.sid}") as step:
            before, said = policies.refusals(), ""
            with policies.without(granted.sid):
                try:
                    deploy()
                    destroy()
                except RehearsalError as error:
                    said = str(error)
            refused = {action for action, _ in policies.refusals() - before}
            missed = [str(each) for each in granted.content["Action"] if each in refused]
            if not said or not missed:
                raise RehearsalError(
                    f"without the statement {granted.sid} it is not missed:\n{said}"
                )
            step.note = missed[0]
            destroy()
