"""From what people wrote to values: specs and project files, or every problem in them with its place.

Nothing else reads YAML, and nothing in here writes, sends or reads the environment.
"""

from collections.abc import Iterable, Sequence

from batchrunner.errors import Diagnostic
from batchrunner.loader.files import find_specs
from batchrunner.loader.findings import Finding, Source, document_diagnostics, in_file_order
from batchrunner.loader.names import spec_names
from batchrunner.loader.projects import load_project
from batchrunner.loader.specs import load_specs
from batchrunner.loader.strict import read_yaml
from batchrunner.loader.text import InvalidText
from batchrunner.spec import Spec

__all__ = [
    "Finding",
    "InvalidText",
    "diagnostics_at",
    "find_specs",
    "load_project",
    "load_specs",
    "read_yaml",
    "spec_names",
]


def diagnostics_at(spec: Spec, findings: Iterable[Finding]) -> Sequence[Diagnostic]:
    """Problems found later, in file order, at values of `spec`: `(*batch.pointer, "input")`, in the batch or the
    defaults."""
    return in_file_order(document_diagnostics(Source(spec.path, spec.text), findings))
