"""`batchrunner cancel`: stop remote batches that have not ended."""

from collections.abc import Sequence
from shlex import quote

import click

from batchrunner.brake import Brake
from batchrunner.canceller import STOPPING, Report, Stray, Tools, cancel, ended
from batchrunner.commands._console import Console, answers_yes, somebody_is_there
from batchrunner.commands._following import followed_options, keys_for
from batchrunner.commands._options import Output, idle_options, output_options, word_option
from batchrunner.commands._states import Sought
from batchrunner.errors import ExitCode, Refused, UsageError
from batchrunner.ports import Executor
from batchrunner.state import Entry
from batchrunner.wiring.following import Followed, FollowedStates
from batchrunner.wiring.recording import StateRecorder
from batchrunner.wiring.silence import Silent
from batchrunner.wiring.workspace import SystemClock


@click.command("cancel")
@followed_options
@word_option("--batch-id", metavar="BATCH_ID", help="This remote batch, also where no state knows it.")
@word_option("--provider", metavar="NAME", help="The provider that has it, where no state knows it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@idle_options("var", "at")
@output_options()
def command(
    *,
    words: tuple[str, ...],
    followed: Followed,
    sought: Sought,
    batch_id: str,
    provider: str,
    yes: bool,
    output: Output,
) -> int:
    """Ask the provider to stop the batches that are named and have not ended.

    What was processed by then is paid for and can be fetched. Of a batch that has ended this changes nothing.
    """
    _check(words, followed, batch_id, provider, sought)
    console = Console(output)
    states = followed.states()
    targets = _targets(states, batch_id, provider, sought)
    if over := [target for target in targets if isinstance(target, Entry) and not target.attempt.is_open]:
        _show(Report([ended(entry) for entry in over]), console, sought)
        return 0
    _approve(targets, console, _typed(words, batch_id, provider, sought), yes=yes)
    report, code = _cancel(targets, states)
    _show(report, console, sought)
    return int(code or _exit_code(report))


def _check(words: Sequence[str], followed: Followed, batch_id: str, provider: str, sought: Sought) -> None:
    if not (words or followed.patterns or batch_id):
        raise UsageError("nothing-named", "say what to cancel: addresses, specs, or a --batch-id",
                         hint=f"see what there is: {sought.typed('status')}")  # fmt: skip
    if batch_id:
        from batchrunner.commands.resolve import require_batch_id

        require_batch_id(batch_id)
    if provider and not batch_id:
        raise UsageError("usage", "--provider goes with --batch-id", hint="batchrunner cancel --help")


def _targets(states: FollowedStates, batch_id: str, provider: str, sought: Sought) -> list[Entry | Stray]:
    known = states.submitted()
    if batch_id:
        known = [entry for entry in known if entry.attempt.batch_id == batch_id
                 and provider in {"", entry.attempt.intent.provider}]  # fmt: skip
        if not known and provider:
            return [Stray(provider, batch_id)]
        if not known:
            raise Refused("no-such-batch", f"no state knows {batch_id}", hint="name who has it: --provider NAME")
    running = [entry for entry in known if entry.attempt.is_open]
    if known:
        return [*(running or known)]
    unresolved = [entry for entry in states.entries() if entry.attempt.unresolved]
    if unresolved:
        raise _without_id(unresolved[0], sought)
    raise Refused("nothing-submitted", "nothing of that was submitted", hint=sought.typed("status"))


def _without_id(entry: Entry, sought: Sought) -> Refused:
    address, status = entry.address, entry.attempt.status
    if entry.attempt.may_be_sent:
        adopt = f"{sought.typed(f'resolve {quote(address)}')} --adopt BATCH_ID"
        words = f"nobody knows a batch id of {address}: it is {status}"
        return Refused("not-submitted", words, hint=f"{adopt}, then cancel it")
    forget = sought.typed(f"state rm {quote(address)}")
    return Refused(
        "not-submitted",
        f"there is nothing to cancel: {address} is {status}",
        why="No provider has it yet: the next apply sends it.",
        hint=f"to keep it from being sent, take it out of its spec, then {forget}",
    )


def _typed(words: Sequence[str], batch_id: str, provider: str, sought: Sought) -> str:
    named = [quote(word) for word in words]
    named += [f"--batch-id {quote(batch_id)}"] if batch_id else []
    named += [f"--provider {quote(provider)}"] if provider else []
    return sought.typed(" ".join(["cancel", *named, "--yes"]))


def _approve(targets: Sequence[Entry | Stray], console: Console, typed: str, *, yes: bool) -> None:
    from batchrunner.render.cancelling import targets_text
    from batchrunner.render.units import counted

    console.note(targets_text(targets))
    if yes:
        return
    many = counted(len(targets), "batch")
    if not somebody_is_there():
        raise Refused("not-approved", f"{many} would be cancelled, and nobody is there to be asked", hint=typed)
    if not answers_yes(f"\nCancel {many}?"):
        raise Refused("not-approved", "not approved, so nothing was cancelled", hint="answer yes, or add --yes")


def _cancel(targets: Sequence[Entry | Stray], states: FollowedStates) -> tuple[Report, ExitCode | None]:
    from batchrunner.wiring.running import Sending, follow, interrupted

    followed = states.followed
    keys = keys_for({_provider(target) for target in targets}, followed)
    polling = {name: followed.providers[name].polling for name in keys}
    recorder = StateRecorder(states.store_of, patience=30.0)
    brake = Brake()

    async def verb(executor: Executor) -> Report:
        return await cancel(targets, Tools(executor, recorder, SystemClock(), polling))

    sending = Sending(followed.project.root, followed.providers, keys, 8, brake)
    return follow(sending, Silent(), verb), interrupted(brake)


def _provider(target: Entry | Stray) -> str:
    return target.provider if isinstance(target, Stray) else target.attempt.intent.provider


def _show(report: Report, console: Console, sought: Sought) -> None:
    from batchrunner.render.cancelling import cancel_document, cancel_text

    if not report.noted:
        console.warn(f"Another command holds the state, which does not know yet: {sought.typed('status --refresh')}")
    if console.output.json:
        console.document(cancel_document(report))
    else:
        console.result(cancel_text(report, sought.typed))


def _exit_code(report: Report) -> ExitCode:
    """Done where nothing that was named runs on; what another run mends counts less than what was refused."""
    words = [answer.word for answer in report.answers]
    if {"denied", "refused", "not-found", "left"}.intersection(words):
        return ExitCode.PARTIAL if STOPPING.intersection(words) else ExitCode.REFUSED
    return ExitCode.TRY_AGAIN if "deferred" in words else ExitCode.DONE
