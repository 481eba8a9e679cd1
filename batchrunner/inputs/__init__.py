"""Reads local inputs: opened beneath the project root, checked line by line, digested, in one streaming pass."""

from batchrunner.inputs.content import open_content
from batchrunner.inputs.guessing import path_meant
from batchrunner.inputs.opening import InputRefused, open_beneath, relative_to_root
from batchrunner.inputs.scan import Scan, digest_input, scan_input

__all__ = [
    "InputRefused",
    "Scan",
    "digest_input",
    "open_beneath",
    "open_content",
    "path_meant",
    "relative_to_root",
    "scan_input",
]
