"""Why a plan is what it is, and why it is not applied."""

from batchrunner.explanations.explanation import Explanation as E
from batchrunner.explanations.explanation import Family

REASONS = Family(
    "reasons",
    "Reasons in a plan",
    "`plan`, `apply` and saved plans, as the `reason` of a change",
    "",
    (
        E("new", "It was not submitted before", "State has nothing of this address for this run.",
          "`batchrunner apply` submits it."),
        E("rejected-before", "The provider refused an earlier attempt", "Nothing was created then.",
          "`batchrunner apply` submits it as a further attempt; see why with `batchrunner state show ADDRESS`."),
        E("never-sent", "An earlier intent was never sent", "It was put off or dropped before its first byte.",
          "`batchrunner apply` submits what is declared now in its place."),
        E("retry", "Requests without an answer are asked for again", "`batchrunner retry` was told to.",
          "Approve it, or leave it."),
        E("replace-requested", "`--replace` asks for one more paid batch", "You said so on the command line.",
          "Leave `--replace` out if the first batch is the right one."),
        E("interrupted", "An earlier apply stopped in the middle", "Its intent is stored, and its outcome is not.",
          "`batchrunner apply` carries on with the same request and key; it is paid for once."),
        E("in-doubt", "A submission was sent, and its answer was lost", "Nobody knows yet whether the provider has it.",
          "`batchrunner apply` settles it where the provider honours keys or lists its batches; otherwise look at "
          "the provider and say what is there.", exits="1, 3",
          example="batchrunner resolve ADDRESS\nbatchrunner resolve ADDRESS --adopt BATCH_ID"),
        E("deferred", "An earlier apply put it off", "The provider was busy or not reached, its queue "
          "was full, or the key was refused.", "`batchrunner apply` sends the stored request."),
        E("spec-changed-since", "The spec was edited after an apply stopped in the middle", "What may have been sent "
          "is settled first, as it was.", "Apply; then plan again to see what the edit means."),
        E("declared-in-imports", "`imports` says that a remote batch is this one", "Nothing is submitted or paid for.",
          "`batchrunner apply` looks it up and takes it into state."),
        E("declared-in-moved", "`moved` says that this has another name now", "Nothing is sent; state is renamed.",
          "`batchrunner apply` does it; the entry may then be deleted."),
        E("already-submitted", "It was submitted for this run", "Once is what was asked for.",
          "Nothing. To pay for it again: `batchrunner apply PATH --replace ADDRESS`."),
        E("metadata-differs", "It was submitted, with other metadata", "Words do not cost money, and nothing is sent "
          "for them.", "Nothing; the next run has the new metadata."),
        E("failed-remotely", "It was submitted, and failed at the provider", "The provider refused its lines or broke.",
          "`batchrunner fetch` shows why; `batchrunner retry ADDRESS` asks again for what has no answer.",
          exits="5"),
        E("expired-remotely", "It was submitted, and expired", "The window closed before all was processed.",
          "`batchrunner fetch`, then `batchrunner retry ADDRESS`.", exits="5"),
        E("cancelled-remotely", "It was submitted, and cancelled", "Somebody stopped it.",
          "`batchrunner fetch` for what was done; `batchrunner retry ADDRESS` for the rest.", exits="5"),
        E("gone-remotely", "It was submitted, and the provider lost it", "It was not found for some time.",
          "Look at the provider. To pay for it again: `batchrunner retry ADDRESS --force`.", exits="5"),
        E("changed-since-submitted", "It was submitted for this run, and was edited since", "An edit after the "
          "submission would cost a second batch.", "Wait for the next run, or pay for it again.", exits="1, 3",
          example="batchrunner apply specs/nightly.yaml --replace ADDRESS"),
        E("in-doubt-held", "A submission is in doubt, and the provider cannot settle it", "It honours no keys and has "
          "no list that tells.", "Look at the provider, and say what is there.", exits="1, 3",
          example="batchrunner resolve ADDRESS --adopt BATCH_ID\nbatchrunner resolve ADDRESS --absent"),
        E("key-expired", "A submission is in doubt for longer than the provider keeps keys", "The same key could make "
          "a second batch by now.", "Look at the provider, and say what is there: `batchrunner resolve ADDRESS`.",
          exits="1, 3"),
        E("origin-changed", "A submission is unsettled, and its provider moved", "`base_url` is another than the one "
          "it was sent to.", "Put the old `base_url` back, or say what is there: `batchrunner resolve ADDRESS`.",
          exits="1, 3"),
        E("provider-unknown", "A submission is unsettled, and its provider is not configured", "The project file no "
          "longer has it.", "Put the provider back, or say what is there: `batchrunner resolve ADDRESS`.",
          exits="1, 3"),
        E("looks-renamed", "The same content was submitted under a name that is gone", "It looks like a rename, and a "
          "renamed batch would be paid for twice.", "Say that it is the same one, or that it is not: `--replace`.",
          exits="1, 3", example="moved:\n  - {from: old-name, to: new-name}"),
        E("move-conflict", "A batch is moved to a name that was submitted, too", "Two submissions cannot have one "
          "name.", "Delete the `moved` entry, or `batchrunner state rm` the one that is wrong.", exits="1, 3"),
        E("not-in-specs", "State has it, the specs do not", "It was deleted or renamed in the spec. It is left alone, "
          "and never cancelled by itself.", "Nothing; or `batchrunner cancel ADDRESS`, or a `moved` entry."),
    ),
)  # fmt: skip
POLICY = Family(
    "policy",
    "Policy",
    "`plan` and `apply`, as `policy[…]`, where the project file sets limits",
    "1",
    (
        E("policy-refused", "The plan breaks the project's policy", "Each broken rule is shown with what it allows.",
          "Change the specs, or ask the owners of the project file."),
        E("max_cost_usd", "The plan may cost more than is allowed", "The high end of the estimate counts, and what "
          "cannot be priced.", "Submit less at a time, limit the output, or have the limit raised."),
        E("max_requests", "The plan has more requests than is allowed", "All that one plan submits counts.",
          "Submit less at a time, as with `--target`."),
        E("allowed_models", "A model is not allowed", "`policy.allowed_models` lists what may be asked.",
          "Ask a model that is allowed."),
        E("allowed_endpoints", "An endpoint is not allowed", "`policy.allowed_endpoints` lists them.",
          "Use one that is allowed."),
        E("required_metadata", "Metadata is missing", "`policy.required_metadata` wants it, for whom to ask or to "
          "charge.", "Add it under `metadata`, once in `defaults`."),
    ),
)  # fmt: skip
SAVED = Family(
    "saved-plans",
    "Saved plans",
    "`show` and `apply PLAN`",
    "4",
    (
        E("not-a-plan", "The file is no saved plan", "`plan --out` writes them, and overwrites nothing else.",
          "Name the right file, or another one.", exits="1"),
        E("plan-not-read", "The plan cannot be read", "The file is missing or may not be read.",
          "Make it: `batchrunner plan PATH --out FILE`.", exits="1"),
        E("plan-not-written", "The plan cannot be saved", "The folder is missing, full, or may not be written to.",
          "Name a file elsewhere.", exits="1"),
        E("plan-altered", "The plan was changed after it was made", "Its content does not match its digest, or the "
          "inputs hold other requests than it says.",
          "Plan again; a plan is never edited."),
        E("newer-format", "A plan or a state was written by a newer batchrunner", "This version cannot know what it "
          "means.", "Upgrade batchrunner: the same version should plan and apply."),
        E("stale-plan", "State has moved since the plan was made", "Another apply submitted or changed some of the "
          "same batches.", "Plan again; what is submitted shows as unchanged."),
        E("other-state", "The plan was made from another state", "It was planned on another machine or branch whose "
          "state is not this one.", "Plan where the state is, and apply there."),
        E("provider-moved", "A provider is configured otherwise than when the plan was made", "It would be sent "
          "elsewhere than was reviewed.", "Plan again."),
    ),
)  # fmt: skip
FAMILIES = (REASONS, POLICY, SAVED)
