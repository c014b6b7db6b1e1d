"""What the rehearsed attack takes for refused."""

import pytest

from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.failures.attack_in_build import DONE
from tools.rehearsal.failures.attacks import require_refusals

REFUSED = {
    "what": "move live",
    "action": "ecr:PutImage",
    "code": "AccessDeniedException",
    "said": "User: u is not authorized to perform: ecr:PutImage on resource: r because no ...",
}
ALLOWED = {"what": "pull", "action": "ecr:BatchGetImage", "code": DONE, "said": ""}


def judged(forbidden: dict[str, str], left: dict[str, str] | None = None) -> int:
    return require_refusals(
        {"forbidden": [REFUSED, REFUSED | forbidden], "left": [left or ALLOWED]}
    )


def test_what_is_refused_by_name_is_counted() -> None:
    assert judged({}) == 2
    immutable = {
        "what": "put another image under the approved tag",
        "code": "ImageTagAlreadyExistsException",
        "said": "the tag is immutable",
    }
    assert judged(immutable) == 2


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        ({"code": DONE, "said": ""}, "was let through"),
        ({"code": "RepositoryNotFoundException"}, "not refused, but"),
        ({"said": "User: u is not authorized to perform: s3:PutObject on resource: r"}, "but"),
        ({"said": f"{REFUSED['said']} it is not judged here: ..."}, "but"),
        ({"what": "put another image under the approved tag"}, "but"),
    ],
    ids=["allowed", "another error", "another action", "unknown to the judge", "otherwise"],
)
def test_whatever_else_is_no_refusal(answer: dict[str, str], because: str) -> None:
    with pytest.raises(RehearsalError, match=because):
        judged(answer)


def test_what_is_left_to_a_build_has_to_be_possible() -> None:
    with pytest.raises(RehearsalError, match="pull"):
        judged({}, ALLOWED | {"code": "AccessDeniedException"})
