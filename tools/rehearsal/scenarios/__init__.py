"""The scenarios of the rehearsal: what is done to a deploy from its first day to its last.

``SCENARIOS`` is their order: each begins where the one before it has ended, and ``destroy`` comes
after them all.
"""

from tools.rehearsal.scenarios import first_deploy, live_image, shared_core, trust_policies

SCENARIOS = (
    first_deploy.run,
    live_image.run,
    shared_core.add_services,
    shared_core.change_core,
    trust_policies.run,
)
