"""A code as it was pasted, and what explains it."""

import re
from collections.abc import Iterator, Sequence

from batchrunner.explanations.explanation import Explanation, Family

_SHOWN = re.compile(r"\b(?:error|warning|note|policy)\[([^\]]*)\]", re.IGNORECASE)


def pasted(text: str) -> str:
    """The code in what somebody copied: `unknown-key`, `error[unknown-key]: unknown key …`, `UNKNOWN_KEY`."""
    found = _SHOWN.search(text)
    return (found[1] if found else text).strip().strip("`'\"[]:,.").lower()


def explanations_of(code: str, families: Sequence[Family]) -> Iterator[tuple[Family, Explanation]]:
    """Each explanation of `code` with its family. A provider's own spelling, `duplicate_custom_id`, is understood."""
    known = {entry.code for family in families for entry in family.entries}
    wanted = code if code in known else code.replace("_", "-")
    for family in families:
        for entry in family.entries:
            if entry.code == wanted:
                yield family, entry
