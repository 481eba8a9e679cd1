"""What `batchrunner doctor` looks at."""

from batchrunner.explanations.explanation import Explanation as E
from batchrunner.explanations.explanation import Family

CHECKS = Family(
    "doctor",
    "Checks of the doctor",
    "`batchrunner doctor`; exit 1 only where a check fails, not where it warns",
    "1",
    (
        E("python", "The version of Python", "batchrunner needs Python 3.11 or newer.", "Use a newer one."),
        E("batchrunner", "The version of batchrunner, and its extras", "Plans and states are read by the version that "
          "wrote them, or a newer one.", "Use the same version everywhere."),
        E("extra", "An extra that is not installed", "Prices, tokenizers, Parquet and traces need one each.",
          "Install what you want: `pip install 'batchrunner[cost]'`."),
        E("project-file", "Whether the project file can be used", "It is found upwards from the specs, and optional.",
          "Mend what is wrong with it."),
        E("specs", "Whether the specs are valid", "Inputs are not read here.", "`batchrunner validate` says it all."),
        E("credentials", "Whether there is a key for each provider", "It is looked for where the project file says, "
          "and never shown.", "Set it there."),
        E("reachable", "Whether a provider answers",
          "A wrong host, DNS, a certificate or a firewall may be in the way.",
          "Check `base_url` and the network; `--offline` leaves it out."),
        E("key-accepted", "Whether a provider takes the key", "A list that costs nothing is asked for.",
          "Check that the key is whole, not revoked, and of this account."),
        E("clock", "Whether the clock here is the provider's", "Days begin, and keys expire, by the clock.",
          "Set the clock of this machine, as with NTP."),
        E("offers", "What a provider offers to settle what is in doubt", "Keys that it honours, lists that it has.",
          "Where it has neither, `batchrunner resolve` asks a person."),
        E("state", "Whether states can be read", "A state that cannot be trusted stops every apply.",
          "See what the error behind it means: `batchrunner explain`."),
        E("state-writable", "Whether a state can be written", "Its folder, or the file, belongs to somebody else.",
          "Run as its owner, or name another place with `--state`."),
        E("state-lock", "Whether another command has a state", "Two do not write at a time.",
          "Wait until it has ended; an apply waits by itself."),
        E("state-journal", "Whether a run was cut short", "Its journal is not in the snapshot yet. Nothing is lost.",
          "The next apply takes it in."),
        E("state-permissions", "Who may read a state", "It holds what the provider returned.",
          "`chmod 600` the file."),
        E("state-file-system", "Whether a state lies on a network's disk", "Locks may not hold there.",
          "Keep it on a local disk, or see that one machine alone applies."),
        E("git", "Whether git can be asked", "It is not installed, or this is no work tree.", "Nothing, if so meant."),
        E("git-state", "Whether git ignores a state", "Another clone would not know what was paid for.",
          "Take it out of `.gitignore` and commit it, or keep the state elsewhere for all."),
        E("git-lock-files", "Whether locks and journals are committed", "They belong to one machine and one run.",
          "`git rm --cached` them, and put them into `.gitignore`."),
        E("cache", "Whether sound inputs can be remembered", "Without it every plan reads them anew.",
          "Set `BATCHRUNNER_CACHE` to a folder of yours, or to `off`."),
        E("disk", "Whether there is room", "What was sent and cannot be written stops a run.", "Make room."),
        E("open-files", "How many files may be open", "Many sends at a time need many connections.",
          "Raise it with `ulimit -n`, or use a small `--concurrency`."),
    ),
)  # fmt: skip
FAMILIES = (CHECKS,)
