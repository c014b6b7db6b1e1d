"""What DescribeVpcEndpoints of MiniStack leaves out: security groups, private DNS, the policy."""

import json
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2


def _with_security(fields: Callable[..., str]) -> Callable[..., str]:
    def endpoint_xml(endpoint: dict[str, Any], tag: str = "item") -> str:
        groups = "".join(
            f"<item><groupId>{group}</groupId></item>"
            for group in endpoint.get("SecurityGroupIds", [])
        )
        private = (
            "true" if str(endpoint.get("PrivateDnsEnabled", False)).lower() == "true" else "false"
        )
        policy = endpoint.get("PolicyDocument")
        more = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private}</privateDnsEnabled>"
        if policy:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            more += f"<policyDocument>{escape(text)}</policyDocument>"
        end = f"</{tag}>"
        return fields(endpoint, tag).removesuffix(end) + more + end

    return endpoint_xml


def install() -> None:
    ec2._vpce_fields_xml = _with_security(ec2._vpce_fields_xml)
