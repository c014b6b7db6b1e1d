"""A malicious commit: a build leaks its credentials, and somebody attacks with them.

The unit tests of the release function have the images that a build must not export.
"""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from cdk_rehearsal import RehearsalError, ScratchDirectory, expect
from cdk_rehearsal.pipelines import Source, docker_stand_in
from tools.rehearsal.context import ServicePipeline
from tools.rehearsal.failures.attempts import DONE, Attacker, allowed, forbidden
from tools.rehearsal.failures.broken_promotions import expect_live
from tools.rehearsal.failures.context import FailureContext

_APPLICATION = "application-code/"
_COMMIT = "badc0de"
_REFUSED_BY_ECR = {
    "put another image under the approved tag": ("ImageTagAlreadyExistsException", "immutable")
}
"""Attempts that the build's role allows, with error code and reason: tags are immutable."""

Answers = Mapping[str, list[dict[str, str]]]


class Attack(ServicePipeline):
    """The deployed pipeline, for a commit whose build leaks its credentials to an attacker.

    ``answers`` are the answers to all attempts.
    """

    def __init__(self, context: FailureContext, folder: Path) -> None:
        super().__init__(context, docker_stand_in(folder / "docker"))
        self._leak = folder / "leaked"
        self.answers: Answers = {}

    def source_of(self, commit: str) -> Source:
        """Return the application with a buildspec whose last command leaks the environment."""
        source = super().source_of(commit)
        files = {
            path: content for path, content in source.files.items() if path.startswith(_APPLICATION)
        }
        name = self.project()["source"]["buildspec"]
        buildspec = yaml.safe_load(files[name])
        buildspec["phases"]["build"]["commands"].append(f"env -0 > {shlex.quote(str(self._leak))}")
        files[name] = yaml.safe_dump(buildspec).encode()
        return replace(source, files=files, links={})

    def begin(self) -> None:
        """Make all attempts with the credentials that the build has leaked."""
        leaked = self._leak.read_text("utf-8").split("\0")
        attacker = Attacker(dict(entry.split("=", 1) for entry in leaked if "=" in entry))
        self.answers = {
            "forbidden": [attacker.attempt(each) for each in forbidden(self, f"{_COMMIT}-1")],
            "allowed": [attacker.attempt(each) for each in allowed(self)],
        }


def attacking_build(context: FailureContext) -> None:
    """Attack with the credentials of a build while its image waits for the promotion.

    The delivery succeeds all the same, with the image that the build has exported.
    """
    context.report.section("A build that attacks")
    what = "Attacks before the promotion; the delivery goes on"
    with ScratchDirectory("attack") as scratch, context.report.step(what) as step:
        attack = Attack(context, scratch.path)
        attack.run(_COMMIT, before={"Promote": attack.begin})
        refused = require_refusals(attack.answers)
        expect_live(context, attack.artifacts.variables["Build"]["IMAGE"].partition("@")[2])
        step.note = f"{refused} refused; {len(attack.answers['allowed'])} allowed to builds"


def require_refusals(answers: Answers) -> int:
    """Require that IAM refused each forbidden attempt by its action, and allowed the others.

    Return the number of refusals; ``RehearsalError`` names the first attempt that ended otherwise.
    """
    for each in answers["forbidden"]:
        code, reason = _REFUSED_BY_ECR.get(
            each["what"], ("AccessDenied", f"perform: {each['action']} on")
        )
        if each["code"] == DONE:
            raise RehearsalError(f"{each['what']}: {each['action']} was allowed")
        is_judged = reason in each["said"] and "not judged" not in each["said"]
        if not each["code"].startswith(code) or not is_judged:
            raise RehearsalError(f"{each['what']}: not refused, but {each['code']}: {each['said']}")
    for each in answers["allowed"]:
        expect(f"{each['what']} ({each['said']})", each["code"], DONE)
    return len(answers["forbidden"])
