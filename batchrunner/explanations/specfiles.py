"""What is wrong with a spec or a project file."""

from batchrunner.explanations.explanation import Explanation as E
from batchrunner.explanations.explanation import Family

FILES = Family(
    "files",
    "Finding and reading specs",
    "`validate`, `plan`, `apply` and every command that is given specs",
    "1",
    (
        E("invalid-files", "Files have problems", "Each is listed with its file, line and column.",
          "Mend them from the top; `batchrunner validate PATH` shows them all at once."),
        E("no-such-file", "There is no such file", "The path is mistyped, or relative to another folder.",
          "Correct the path."),
        E("no-specs", "A directory or a pattern holds no spec", "Specs are files that end in `.yaml`.",
          "Name the right folder; quote a pattern so that the shell leaves it alone."),
        E("not-a-spec", "This file is no spec", "It does not end in `.yaml`, or it is the project file.",
          "Give specs, or the directory that they are in."),
        E("outside-root", "A link leads out of the repository", "What is wrong in a spec is shown with its line, and a "
          "pull request may bring a link to any file.", "Put the file itself there, or give the path that it has."),
        E("too-many-problems", "More than 1,000 batches are wrong", "What comes after them was not looked at.",
          "Mend the first ones; they often have one cause."),
        E("nested-project-file", "A project file lies within the project of another one", "Who may only add files "
          "beside specs could otherwise do away with the policy, or send keys elsewhere.",
          "Remove the inner file, or say which of them counts with `--project FILE`."),
        E("unreadable-file", "A file cannot be read", "It may not be read by this user, or is a device or a pipe.",
          "Make it a regular file that this user may read."),
        E("unreadable-spec", "A spec of the folder cannot be read", "A command looks for the spec of an address, and "
          "the spec that it may be in has errors.", "Mend it: `batchrunner validate` says what is wrong."),
        E("not-utf-8", "A path or a text is not UTF-8",
          "Plans and state name files in UTF-8, and inputs have to be UTF-8.",
          "Rename the file, or save the text as UTF-8.", exits="1, 64"),
        E("duplicate-spec", "Two specs have the same name",
          "Addresses begin with the spec's name and have to be unique.",
          "Give one of them another `name:`."),
        E("empty-file", "The file is empty", "A spec declares at least one batch, an input holds at least one request.",
          "Write what is missing, or leave the file out."),
    ),
)  # fmt: skip
YAML = Family(
    "yaml",
    "YAML",
    "`validate`, `plan` and `apply`, while a spec or a project file is read",
    "1",
    (
        E("yaml-syntax", "This is not YAML", "Often a missing colon, a tab, or an unclosed quote a line above.",
          "Correct the line; an editor that knows YAML shows the same."),
        E("duplicate-key", "A key is written twice", "Only one of the two can be meant, and a parser would pick one "
          "silently.", "Delete one of the two."),
        E("bad-key", "A key is not text", "`1:` or `[a]:` is a key of another type.", "Put quotes around it."),
        E("bad-number", "A number cannot be read", "It has too many digits, or is no number that JSON has.",
          "Write it otherwise, or put quotes around it if it is text."),
        E("bad-character", "A character is not allowed", "Control and bidirectional characters make a reviewer see "
          "something else than what is run.", "Delete it; editors show it as a code point."),
        E("merge-key", "Merge keys (`<<`) are not allowed", "They are not part of YAML 1.2, and hide where a value is "
          "from.", "Use `defaults`, or write the keys out."),
        E("tag", "Tags (`!name`) are not allowed", "They tell a parser to make something else of a value.",
          "Delete it; put quotes around a number that is text."),
        E("directive", "Directives (`%YAML`, `%TAG`) are not allowed", "Specs are always read as YAML 1.2.",
          "Delete the line."),
        E("several-documents", "A file holds several documents", "`---` begins another one.",
          "Put the rest into a file of its own."),
        E("unknown-alias", "An alias has no anchor", "`*name` stands for what `&name` marked before it.",
          "Mark it above, or write the value out."),
        E("too-deep", "Values are nested too deeply", "A file or a request has more levels than anything needs.",
          "Make it flatter."),
        E("too-many-values", "A file holds too many values", "What an alias repeats counts each time.",
          "Split the spec."),
        E("file-too-large", "A file is larger than 4 MiB", "A spec declares batches; requests belong into inputs.",
          "Split the spec."),
        E("not-utf8", "A file is not UTF-8", "It was saved in another encoding.", "Save it as UTF-8."),
    ),
)  # fmt: skip
SPEC = Family(
    "spec",
    "What a spec says",
    "`validate`, `plan` and `apply`",
    "1",
    (
        E("unknown-key", "A key that nobody knows", "Mistyped, or in the wrong place.",
          "Correct it; `x-…` keys at the top are ignored.", example="completion_window: 24h"),
        E("missing-key", "A key is missing", "The mapping cannot be used without it.", "Add it."),
        E("wrong-type", "A value has the wrong type", "A list, a mapping, a number, or text was expected.",
          "Write it as the message says; quotes make text of a number."),
        E("bad-value", "A value is not one that may be here", "The message says how it is written.", "Correct it."),
        E("bad-name", "A name is not allowed", "Names are part of addresses: lower-case letters, digits, `.`, `_` and "
          "`-`, at most 63, beginning with a letter or a digit.", "Rename it. A renamed batch needs a `moved` entry."),
        E("no-batches", "A spec declares no batches", "`batches` is empty.", "Declare one, or delete the file."),
        E("duplicate-name", "Two batches have the same name", "Their addresses would be the same.",
          "Rename one of them."),
        E("too-many-problems", "Too many batches of a spec are wrong", "What comes after is not looked at.",
          "Mend the first ones."),
        E("too-many-batches", "There are too many batches", "Matrix, files and batches multiply.",
          "Split the spec, or narrow the pattern."),
        E("unsupported-version", "This version of specs is not known", "`version: 1` is what this batchrunner reads.",
          "Write `version: 1`, or upgrade batchrunner."),
        E("input-missing", "A batch has neither `input` nor `input_file_id`", "There is nothing that could be sent.",
          "Add one of the two.", example="input: data/tickets.jsonl"),
        E("input-twice", "A batch has both `input` and `input_file_id`", "Only one of the two can be meant.",
          "Delete one of the two."),
        E("input-is-a-table", "An input is a table, not a file of requests", "A `.csv`, `.tsv` or `.parquet` file "
          "needs to be told what to ask for each row.", "Write `input: {rows: …, custom_id: …, body: …}`."),
        E("nothing-to-shard", "`shard` stands where nothing can be cut", "A file that is already at the provider is "
          "sent as it is.", "Delete `shard`."),
        E("unknown-provider", "There is no such provider", "It is neither built in nor in the project file.",
          "Correct the name, or declare it under `providers` of batchrunner.yaml."),
        E("unknown-endpoint", "The provider is not known to offer this endpoint", "Mistyped, or newer than this "
          "batchrunner.", "Correct it, or list it under `providers.NAME.endpoints` of the project file."),
        E("unknown-window", "The provider is not known to offer this completion window", "Most take `24h` only.",
          "Correct it, or list it under `providers.NAME.completion_windows` of the project file."),
        E("no-files", "The provider takes no files", "With it, requests travel in the create itself.",
          "Write `input:` with the path of a local file."),
        E("too-much-metadata", "There is more metadata than the provider takes", "batchrunner's own tags need a few "
          "of its entries.", "Leave out as many as the message says."),
        E("metadata-key-too-long", "A key of metadata is too long for the provider", "It would refuse the batch.",
          "Shorten it."),
        E("reserved-metadata", "A key of metadata is batchrunner's own", "`batchrunner-…` entries tell how a batch was "
          "submitted.", "Use another key."),
        E("unknown-timezone", "There is no such time zone", "`run.timezone` takes IANA names.",
          "Write it like `Europe/Paris`."),
        E("too-long", "A text becomes too long", "Once references are replaced, or aliases repeated, it is larger than "
          "anything needs.", "Refer to shorter values, or less often."),
    ),
)  # fmt: skip
REFERENCES = Family(
    "references",
    "References, variables and matrices",
    "`validate`, `plan` and `apply`",
    "1",
    (
        E("unknown-reference", "A reference names nothing", "`${…}` takes `vars.…`, `matrix.…`, `run.date`, `run.key`, "
          "`batch.name`, `env.…` and, in tables, `row.…`.", "Correct it; `$${` writes a plain `${`."),
        E("malformed-reference", "This is not a reference", "There are no expressions, defaults or spaces in `${…}`.",
          "Write `${namespace.name}`, or `$${` for a plain `${`."),
        E("reference-not-allowed", "No reference may be here", "The value decides what is submitted or who may, and is "
          "read before references are.", "Write the value out."),
        E("reference-unavailable", "A reference has no value here", "`${row.…}` is known in tables only, and "
          "`${run.key}` only where a spec is submitted by the hour, day, week or month.",
          "Use another one, such as `${run.date}`, or choose `once_per: day`."),
        E("env-not-allowed", "Specs may not read this environment variable", "A spec in a pull request could read "
          "secrets otherwise.", "Its owners allow it in batchrunner.yaml.", example="policy:\n  allow_env: [DATASET]"),
        E("env-secret", "A variable that is named like a secret stays unread", "What specs read is shown in plans, and "
          "a pull request may bring a project file that allows it.",
          "Give what is no secret a name without KEY, TOKEN, SECRET or PASSWORD."),
        E("env-unset", "An environment variable is not set", "The spec refers to it with `${env.…}`.",
          "Set it where the command runs, even to nothing."),
        E("empty-matrix", "A matrix makes no batch", "It or one of its lists is empty, or all is excluded.",
          "Give it values, or delete it."),
        E("matrix-too-large", "A matrix makes too many batches", "The lists are multiplied with each other.",
          "Split it into several batches."),
        E("duplicate-value", "A value is in a matrix twice", "Two batches would have the same address.",
          "Delete one of them."),
        E("exclude-unmatched", "An `exclude` takes nothing away", "No member of the matrix has these values: mistyped, "
          "or left over.", "Correct or delete it."),
        E("file-key-taken", "A matrix has a key `file`, and the input is a pattern", "A pattern names its batches "
          "`[file=…]` itself.", "Give the key another name."),
        E("bad-file-name", "A file's name cannot be part of an address", "A pattern makes `[file=…]` of it.",
          "Rename the file, or narrow the pattern."),
    ),
)  # fmt: skip
MOVES = Family(
    "moves",
    "Renames and imports",
    "`validate`, `plan` and `apply`, where a spec has `moved` or `imports`",
    "1",
    (
        E("bad-move", "A `moved` entry cannot be followed", "`from` and `to` name different things, or the same one.",
          "Name what it was called before under `from`, and a batch of this spec under `to`.",
          example="moved:\n  - {from: summaries, to: ticket-summaries}"),
        E("move-to-undeclared", "`moved` leads to a batch that is not declared", "The new name has to be in this spec.",
          "Correct `to`, or declare the batch."),
        E("move-from-declared", "`moved` takes from a batch that is still declared", "It would be submitted again "
          "under its own name.", "Rename the batch itself, or delete the entry."),
        E("moved-twice", "One name is moved twice", "What was submitted belongs to one name.",
          "Keep one of the entries."),
        E("move-circle", "Moves lead in a circle", "Each name would become another's.", "Take one of them out."),
        E("import-to-undeclared", "`imports` names a batch that is not declared", "A remote batch is taken for a "
          "declaration of this spec.", "Correct `to`, or declare the batch."),
        E("imported-twice", "One batch is imported twice", "One remote batch stands for one declaration.",
          "Keep one of the entries."),
        E("import-run-key", "An import needs a `run_key`, or has none to give", "A spec that is submitted by the day "
          "has a batch for each day; one that is submitted by content has not.", "Add or delete `run_key`."),
    ),
)  # fmt: skip
PROJECT = Family(
    "project",
    "The project file",
    "every command that reads batchrunner.yaml",
    "1",
    (
        E("literal-secret", "A key is written into the project file", "What is in git is known to everyone who can "
          "read it.", "Name where it is kept, and change the key.", example="api_key: {env: IN_HOUSE_KEY}"),
        E("bad-base-url", "A base URL cannot be used", "It has to be an https origin; http is for this machine only.",
          "Write it like `https://api.example.com`."),
        E("bad-token-url", "The address of a token service cannot be used", "A workload's token is sent there: it has "
          "to be https.", "Write it as the provider documents it."),
        E("bad-webhook-url", "A webhook's URL cannot be used", "It is not https, or carries a user name.",
          "Write an https URL; one that is a secret goes into the environment: `webhook: {env: NAME}`."),
        E("unknown-dialect", "There is no such dialect", "`dialect` says how a server is spoken to; packages can bring "
          "others.", "Correct it, or install the package that has it."),
        E("broken-dialect", "A dialect that a package brought cannot be used",
          "Its class does not do what dialects do.",
          "Upgrade that package; its authors have `batchrunner.testing` to check it."),
        E("not-available-yet", "This is not available in this version", "The form is reserved for a later one.",
          "Use what the message names."),
        E("unknown-store", "No state can be kept at such a URL", "This version keeps state in files.",
          "Use `file:PATH`, or a path; one with a colon is written `./like:this`."),
        E("state-url-missing", "The variable with the state's URL is not set", "The project file says "
          "`state: {url: {env: NAME}}`.", "Set it where the command runs, or name the state with `--state`."),
        E("bad-state-url", "The variable with the state's URL holds something else", "Plans show where state is kept, "
          "so that what such a variable holds has to say so itself: no proposal makes a plan show a key.",
          "Set it to `file:PATH`, or name the state with `--state`."),
        E("state-of-two-specs", "Two specs would have one state", "A state is called after its spec, its profile and "
          "the sandbox: those of `s.dev.yaml`, and of `s.yaml` in the profile `dev`, are both `s.dev.state.json`; what "
          "ends in `.sandbox` is the sandbox's.", "Rename one of the files and say so in its `moved`, or name another "
          "state with `--state FILE.json`.", exits="1"),
        E("state-left-behind", "A spec moved to another folder without its state", "A state of what it wants lies in a "
          "folder that has no such spec any more. Begun anew, it would be paid for again.", "Move the state, too, as "
          "the message says. Where it is not wanted any more, remove it.", exits="1"),
    ),
)  # fmt: skip
FAMILIES = (FILES, YAML, SPEC, REFERENCES, MOVES, PROJECT)
