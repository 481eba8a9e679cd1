"""Jobs run in this process, on its event loop."""

from collections.abc import Mapping

from batchrunner.errors import Refused
from batchrunner.jobs import Create, Job, Outcome, Upload
from batchrunner.ports import Provider


class LocalExecutor:
    """Hands each job to its provider. How many are in flight is the provider's own limit.

    Raises `Refused` `unknown-provider` for a job of a provider that is not in `providers`.
    """

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers

    async def run(self, job: Job) -> Outcome:
        """Run one job to an outcome."""
        provider = self._providers.get(job.provider)
        if provider is None:
            raise Refused(
                "unknown-provider",
                f"there is no provider '{job.provider}'",
                where=job.address,
                hint="declare it in the project file",
            )
        match job:
            case Upload():
                return await provider.upload(job)
            case Create():
                return await provider.create(job)
            case _:
                return await provider.follow(job)
