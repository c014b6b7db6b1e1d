"""The name by which the rehearsal knows `settings.examples`."""

from settings.examples import ACCOUNT, ESSENTIALS, REGION, ROOT, sample_env

__all__ = ["ACCOUNT", "ESSENTIALS", "REGION", "ROOT", "sample_env"]
