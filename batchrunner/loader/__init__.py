"""From what people wrote to values: specs and project files, or every problem in them with its place.

Nothing else reads YAML, and nothing in here writes, sends or reads the environment.
"""

from batchrunner.errors import Diagnostic
from batchrunner.loader.files import find_specs
from batchrunner.loader.findings import Finding, Source, document_diagnostics
from batchrunner.loader.places import Pointer
from batchrunner.loader.projects import load_project
from batchrunner.loader.specs import load_specs
from batchrunner.loader.strict import read_yaml
from batchrunner.loader.text import InvalidText
from batchrunner.spec import Spec

__all__ = ["InvalidText", "diagnostic_at", "find_specs", "load_project", "load_specs", "read_yaml"]


def diagnostic_at(spec: Spec, pointer: Pointer, code: str, message: str, hint: str = "") -> Diagnostic:
    """A problem found later, at a value of `spec`: `(*batch.pointer, "input")`, in the batch or the defaults."""
    finding = Finding(code, message, pointer, hint)
    return next(document_diagnostics(Source(spec.path, spec.text), [finding]))
