"""The webhooks of CodePipeline, which moto does not have: kept per account and region."""

import json
import uuid
from functools import cache
from typing import Any


class Webhooks:
    """The answers are the JSON bodies of the operations of the same names."""

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._region = region
        self._items: dict[str, dict[str, Any]] = {}

    def put(self, definition: dict[str, Any]) -> str:
        name = definition["name"]
        prefix = f"arn:aws:codepipeline:{self._region}:{self._account}"
        item = self._items.setdefault(
            name,
            {
                "url": f"https://{self._region}.webhooks.aws/trigger?id={uuid.uuid4()}",
                "arn": f"{prefix}:webhook:{name}",
            },
        )
        item["definition"] = definition
        return json.dumps({"webhook": _shown(item)})

    def list(self) -> str:
        return json.dumps({"webhooks": [_shown(item) for item in self._items.values()]})

    def delete(self, name: str) -> str:
        self._items.pop(name, None)  # CodePipeline too answers well for one that is gone
        return json.dumps({})

    def register(self, name: str, *, registered: bool) -> str:
        if item := self._items.get(name):
            item["registered"] = registered
        return json.dumps({})


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    """As it is listed: the secret is never given back."""
    definition = dict(item["definition"])
    configuration = dict(definition.get("authenticationConfiguration", {}))
    if "SecretToken" in configuration:
        configuration["SecretToken"] = "****"
    shown = {"url": item["url"], "arn": item["arn"]}
    return shown | {"definition": definition | {"authenticationConfiguration": configuration}}


@cache
def webhooks(account: str, region: str) -> Webhooks:
    return Webhooks(account, region)
