"""Settings files made from sample.env, as a user would fill it in: see settings/sample.py."""

from pathlib import Path

from settings.sample import ACCOUNT, ESSENTIALS, REGION, sample_env

ROOT = Path(__file__).resolve().parents[1]

__all__ = ["ACCOUNT", "ESSENTIALS", "REGION", "ROOT", "sample_env"]
