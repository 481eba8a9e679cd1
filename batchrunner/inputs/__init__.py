"""Reads local inputs: opened beneath the project root, checked line by line, digested, in one streaming pass."""

from batchrunner.inputs.content import open_content
from batchrunner.inputs.guessing import path_meant
from batchrunner.inputs.opening import InputRefused, open_beneath, relative_to_root
from batchrunner.inputs.scan import Scan, ScannedPart, digest_input, scan_lines

__all__ = [
    "InputRefused",
    "Scan",
    "ScannedPart",
    "digest_input",
    "open_beneath",
    "open_content",
    "path_meant",
    "relative_to_root",
    "scan_lines",
]
