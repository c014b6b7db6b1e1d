"""The Service Quotas API, from moto, with the quotas of a new account.

moto has those of Amazon VPC; this module adds some. Nothing enforces a quota.
"""

from typing import Any

from moto.core.base_backend import BackendDict
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse

# The values of a new account.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
# https://docs.aws.amazon.com/general/latest/gr/ec2-service.html
# https://docs.aws.amazon.com/general/latest/gr/codebuild.html
_MORE = {
    ("fargate", "L-3032A538"): ("Fargate On-Demand vCPU resource count", 6.0),
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5.0),
    ("codebuild", "L-9D07B6EF"): ("Concurrently running builds for Linux/Small environment", 1.0),
    ("codebuild", "L-5ED1D25B"): ("Concurrently running builds for ARM/Small environment", 1.0),
}


class _Backend(ServiceQuotasBackend):
    def get_service_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        if (service_code, quota_code) not in _MORE:
            known: dict[str, Any] = super().get_service_quota(service_code, quota_code)
            return known
        name, value = _MORE[service_code, quota_code]
        return {
            "ServiceCode": service_code,
            "QuotaCode": quota_code,
            "QuotaName": name,
            "Value": value,
            "Adjustable": True,
            "GlobalQuota": False,
        }


_backends = BackendDict(_Backend, "service-quotas")


class API(ServiceQuotasResponse):
    """moto's responses, with the quotas that are added here."""

    @property
    def backend(self) -> _Backend:
        backend: _Backend = _backends[self.current_account][self.region]
        return backend
