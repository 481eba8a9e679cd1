"""What is wrong with a command line, or with what surrounds a command."""

from batchrunner.explanations.explanation import Explanation as E
from batchrunner.explanations.explanation import Family

COMMAND_LINE = Family(
    "command-line",
    "The command line",
    "before anything is read or sent",
    "64",
    (
        E(
            "usage",
            "The command line cannot be understood",
            "A command or an option is not known, a value is missing, or two options contradict each other.",
            "Read the usage line that is shown; `batchrunner COMMAND --help` lists what there is.",
        ),
        E(
            "empty-value",
            "An option was given an empty value",
            'In a script, a variable that is not set looks like this: `--state "$STATE"`.',
            "Set the variable, or leave the option out.",
        ),
        E(
            "bad-setting",
            "A variable of the environment has a value that it cannot have",
            "A `BATCHRUNNER_…` variable stands for an option, and holds what that option does not take.",
            "Correct or unset the variable that is named.",
        ),
        E(
            "bad-variable",
            "`--var` names or holds what no variable can",
            "A variable's name has letters, digits, `_` and `-`; its value is read as YAML.",
            "Write it like `--var model=gpt-4o-mini`.",
        ),
        E(
            "unknown-variable",
            "`--var` sets a variable that no spec declares",
            "Only variables under `vars` of a spec can be set, so that a typing error does not go unnoticed.",
            "Correct the name, or declare it under `vars` of the spec.",
        ),
        E(
            "bad-run-key",
            "`--run-key` does not fit how often the spec is submitted",
            "A date or an hour is wanted in the form of the spec's `run.once_per`, or is one that never was.",
            "Write it like the example in the message: `2026-11-20`, `2026-11-20T02`, `2026-W47`, `2026-11`.",
        ),
        E(
            "bad-time",
            "`--at` is not a time",
            "It has to be a date or a date with a time, as in RFC 3339.",
            "Write it like `2026-11-22T02:30:00Z`, or `2026-11-22` for midnight in the spec's time zone.",
        ),
        E(
            "no-such-code",
            "There is no such code",
            "`batchrunner explain` knows its own codes. Words that a provider chose are in its documentation.",
            "`batchrunner explain` without a code lists all.",
        ),
        E(
            "unknown-schema",
            "There is no schema of this",
            "`batchrunner schema` has one for each file and for what each command writes as JSON.",
            "`batchrunner schema` without a name lists them.",
        ),
        E(
            "catch-up-of-one-run",
            "`--catch-up` was given together with a run key",
            "A run key names the one run that is meant.",
            "Leave out `--run-key` and `BATCHRUNNER_RUN_KEY`, or `--catch-up`.",
        ),
        E(
            "since-without-catch-up",
            "`--since` was given without `--catch-up`",
            "It says from when on missed intervals are looked for.",
            "Add `--catch-up N`, or leave out `--since`.",
        ),
        E(
            "too-many-intervals",
            "More intervals lie in between than are looked at",
            "Years of hours, for example.",
            "Name a later time with `--since`.",
        ),
        E(
            "no-such-address",
            "No batch has this address",
            "The specs, or the state, that the command looked at have no batch of this name.",
            "`batchrunner plan` and `batchrunner state list` show the addresses; quote one that has brackets.",
            exits="1, 64",
            example="batchrunner status 'nightly/ticket-summaries[lang=en]'",
        ),
        E(
            "which-run",
            "An address was submitted for several runs, and one has to be named",
            "What the command does concerns one run only.",
            "Add `--run-key` with one of the runs that are listed.",
        ),
        E(
            "which-shard",
            "A batch is cut into shards, and one has to be named",
            "What the command does concerns one remote batch only.",
            "Name one of the shards that are listed, like `tickets/all#2`.",
        ),
        E(
            "nothing-named",
            "The command acts on what is named, and nothing was",
            "`cancel` and `retry` never mean everything by themselves.",
            "Give addresses or specs; `batchrunner status` shows what there is.",
        ),
        E(
            "not-confirmed",
            "The command changes state, and nobody is there to be asked",
            "Without a terminal such a change has to be approved by an option.",
            "Add `--yes`.",
        ),
        E(
            "replace-not-targeted",
            "`--replace` names a batch that `--target` leaves out",
            "Only what is targeted is planned.",
            "Target it, too, or leave `--target` out.",
        ),
        E(
            "plan-is-alone",
            "A saved plan was given together with something else",
            "A saved plan has decided what is submitted.",
            "Apply the plan alone, and the rest with a command of its own.",
        ),
        E(
            "plan-is-fixed",
            "A saved plan was given with options that would change it",
            "What was reviewed is applied, or nothing.",
            "Make the plan again with those options: `batchrunner plan PATH … --out FILE`.",
        ),
        E(
            "unknown-profile",
            "There is no such profile",
            "The project file has no `profiles` entry of this name, or there is no project file.",
            "Correct the name, or leave `--profile` and `BATCHRUNNER_PROFILE` out.",
        ),
        E(
            "base-of-stdin",
            "`--base` was given with a spec on standard input",
            "What comes from standard input has no earlier revision.",
            "Give the spec as a file, or leave `--base` out.",
        ),
        E(
            "output-is-taken",
            "A second output was sent to standard output",
            "The result of the command goes there, and the two would be mixed.",
            "Name a file.",
        ),
        E(
            "output-is-kept",
            "An output was sent to a lock, a state, or another file that batchrunner keeps",
            "A run that finds another lock in the place of the one that is held would pay again.",
            "Name another file.",
        ),
        E(
            "bad-address",
            "This cannot be the address of a batch",
            "An address is `SPEC/BATCH`, with `[key=value]` for a matrix and `#2` for a shard.",
            "Give the name that the batch has in the spec.",
            exits="1, 64",
        ),
    ),
)
HERE = Family(
    "surroundings",
    "Files, terminals and this program",
    "wherever a command reads or writes what is not a spec",
    "1",
    (
        E(
            "not-approved",
            "Nobody approved what would be done",
            "The question was answered with something else than yes, or there was no terminal to ask it on.",
            "Run it again and answer `yes`, or add `--yes` where it has been reviewed.",
        ),
        E(
            "not-written",
            "`init` cannot write a file",
            "The folder is not there, is full, or may not be written to.",
            "Name a folder that may be written to: `batchrunner init DIR`.",
        ),
        E(
            "output-not-written",
            "The result cannot be written to standard output",
            "The disk behind it is full, or the stream was closed.",
            "Make room. What was submitted is in state: `batchrunner state list`.",
        ),
        E(
            "system-error",
            "The operating system refused something",
            "A file could not be opened, read or written, for the reason that is shown.",
            "Mend that, and run the same command again.",
        ),
        E(
            "internal-error",
            "batchrunner has a defect",
            "Something happened that was not thought of. What was submitted is in state, and nothing is lost.",
            "Run it again with `-vv`, and report what it prints.",
        ),
        E(
            "bad-revision",
            "`--base` names no commit of this clone",
            "The branch or tag is not here. Clones that CI makes often hold a single commit.",
            "Fetch it: `git fetch origin main`, or have CI clone with `fetch-depth: 0`.",
        ),
        E(
            "no-repository",
            "`--base` needs a git work tree",
            "The specs are not in one.",
            "Run it in a clone, or leave `--base` out.",
        ),
        E(
            "git-missing",
            "git is not installed",
            "`--base` reads the specs of another revision with it.",
            "Install git, or leave `--base` out.",
        ),
        E(
            "git-refused",
            "git cannot read this repository",
            "git says why; a work tree that belongs to another user is the usual reason in containers.",
            "Mend what git says, as with `git config --global --add safe.directory DIR`.",
        ),
    ),
)
FAMILIES = (COMMAND_LINE, HERE)
