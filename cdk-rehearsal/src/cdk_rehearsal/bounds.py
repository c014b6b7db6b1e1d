"""How long a rehearsal waits before it says that something has failed.

The bounds are for the slowest machine that does the work at all: a rehearsal reaches one only if a
process hangs or if what it waits for will never happen. No bound is a measurement, and no step of a
rehearsal asserts how long something has taken. Only `SETTLING_SECONDS` is always waited for.
"""

ROLLOUT_SECONDS = 1800.0
"""From the new revision of a service until ECS has completed its deployment or rolled it back.

ECS may find three tasks unhealthy, each half a minute after its start period of up to 300 s, and
stops an old one within 120 s.
"""

SETTLE_SECONDS = 600.0
"""Until ECS, Cloud Map and the logs agree on which tasks run, after a change of them."""

ENGINE_SECONDS = 1800.0
"""One command of the container engine that builds, pulls, starts or stops something."""

CLI_SECONDS = 2400.0
"""One run of the CDK CLI, with the deploy that it waits for."""

PROCESS_SECONDS = 600.0
"""One short process of our own, such as a function that is called or a script that is run."""

SETTLING_SECONDS = 10.0
"""How long a task without a health check must run before its deployment counts on it.

ECS completes a deployment when the service has reached a steady state, and does not say how long
that takes. Ten seconds are enough for a service that ends because it lacks a variable, or because
a call with the common timeout of five seconds has failed. A rehearsal has about eight rollouts.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
"""
