"""One thing that a tool objects to."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """A rule that a resource breaks.

    ``construct`` is the path of the resource below its stack; ``detail`` tells the findings of one
    rule on one resource apart, where there are several.
    """

    tool: str
    rule: str
    construct: str
    detail: str = ""

    @classmethod
    def of_cdk_nag(cls, pack: str, rule_name: str, construct_path: str) -> "Finding":
        """Return the finding that the validation report calls ``rule_name``: ``rule[detail]``."""
        rule, bracket, detail = rule_name.partition("[")
        detail = detail.removesuffix("]") if bracket else ""
        return cls(pack, rule, below_stack(construct_path), detail)

    @property
    def acknowledgment_id(self) -> str:
        """The name under which CDK acknowledges a finding of cdk-nag."""
        detail = f"[{self.detail}]" if self.detail else ""
        return f"{self.tool}::{self.rule}{detail}"


def below_stack(construct_path: str) -> str:
    """Return a construct path without the stack that it begins with."""
    return re.sub(r"^/?[^/]+/", "", construct_path)
