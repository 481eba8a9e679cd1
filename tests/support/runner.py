"""A runner of GitHub Actions that is small enough to read: the steps of one job, in bash, with their expressions.

    runner = Runner(folder, {"github.token": "…"}, environment)
    runner.job(workflow, "plan")                    raises `StepFailed` where a step fails

Actions of `actions/` do what these tests need of them: artifacts go to and from `runner.artifacts`, and a checkout is
what is there. `pipx` installs nothing: batchrunner is on PATH. An expression that nobody gave a value for is an error.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TOKEN = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!=|!|[(),]|[A-Za-z_][\w.-]*)")
WORDS = {"&&": " and ", "||": " or ", "!": " not ", "true": "True", "false": "False"}


class StepFailed(Exception):
    """A step ended with another code than 0; which, and all that it printed."""


@dataclass
class Runner:
    """`values` are of contexts, as `github.token`; `environment` is that of every step."""

    folder: Path
    values: dict[str, str]
    environment: dict[str, str]
    artifacts: dict[str, Path] = field(default_factory=dict)
    log: str = ""

    @property
    def temp(self) -> Path:
        """RUNNER_TEMP, beside the work folder."""
        return self.folder.with_name(f"{self.folder.name}-temp")

    def job(self, workflow: Path, name: str) -> dict[str, str]:
        """Run a job; its outputs."""
        document = yaml.safe_load(workflow.read_text())
        job = document["jobs"][name]
        shutil.rmtree(self.temp, ignore_errors=True)
        self.temp.mkdir()
        if "if" in job and not self.value(job["if"]):
            return {}
        self.steps(job["steps"])
        return {output: self.filled(text) for output, text in job.get("outputs", {}).items()}

    def action(self, **inputs: str) -> dict[str, str]:
        """Run this repository's own action; its outputs."""
        document = yaml.safe_load((ROOT / "action.yml").read_text())
        given = {name.replace("_", "-"): text for name, text in inputs.items()}
        assert given.keys() <= document["inputs"].keys()
        self.temp.mkdir(exist_ok=True)
        kept, self.values = self.values, {**self.values, "github.action_path": str(ROOT)}
        for name, said in document["inputs"].items():
            self.values[f"inputs.{name}"] = given.get(name, self.filled(str(said.get("default", ""))))
        try:
            self.steps(document["runs"]["steps"])
            return {name: self.filled(said["value"]) for name, said in document["outputs"].items()}
        finally:
            self.values = kept

    def steps(self, steps: list[Mapping[str, Any]]) -> None:
        """Run steps, one after the other; after a failure those alone that say so."""
        failure: StepFailed | None = None
        for step in steps:
            condition = str(step.get("if", "success()"))
            if (failure and "always()" not in condition) or not self.value(condition):
                continue
            try:
                self._step(step)
            except StepFailed as failed:
                failure = failure or (None if step.get("continue-on-error") else failed)
        if failure:
            raise failure

    def filled(self, text: str) -> str:
        """`text` with the values of its expressions."""
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _text(self.value(found[1])), text, flags=re.DOTALL)

    def value(self, expression: str) -> Any:
        """The value of an expression."""
        words, at = [], 0
        expression = expression.strip()
        while at < len(expression):
            found = TOKEN.match(expression, at)
            assert found, f"what is {expression[at:]}?"
            at = found.end()
            words.append(self._word(found[1], expression[at:].lstrip()[:1] == "("))
        known = {"always": lambda: True, "success": lambda: True, "format": lambda text, *values: text.format(*values)}
        return eval("".join(words), {"__builtins__": {}, "said": self._said, **known})

    def _word(self, word: str, called: bool) -> str:
        if word.startswith("'"):
            return repr(word[1:-1].replace("''", "'"))
        if word in WORDS or not (word[0].isalpha() or word[0] == "_") or called:
            return WORDS.get(word, word)
        return f"said({word!r})"

    def _said(self, name: str) -> str:
        if name == "runner.temp":
            return str(self.temp)
        if name.startswith("steps."):
            return self.values.get(name, "")  # a step that was passed over has no outputs
        return self.values[name]

    def _step(self, step: Mapping[str, Any]) -> None:
        if "uses" in step:
            given = {name: self.filled(_text(text)) for name, text in step.get("with", {}).items()}
            for name, text in self._use(step["uses"].partition("@")[0], given).items():
                self.values[f"steps.{step.get('id', '')}.outputs.{name}"] = text
            return
        outputs = self.temp / "outputs"
        outputs.write_text("")
        (self.temp / "summary").touch()
        (self.temp / "path").touch()
        done = subprocess.run(
            [
                "bash",
                "--noprofile",
                "--norc",
                "-e",
                *(["-o", "pipefail"] if "shell" in step else []),
                "-c",
                step["run"],
            ],
            cwd=self.folder / self.filled(step.get("working-directory", ".")),
            env={**self._around(outputs), **{name: self.filled(str(t)) for name, t in step.get("env", {}).items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        self.log += done.stdout
        for name, text in _read(outputs.read_text()).items():
            self.values[f"steps.{step.get('id', '')}.outputs.{name}"] = text
        if done.returncode:
            raise StepFailed(f"{step.get('name', step['run'])}: {done.returncode}\n{done.stdout}")

    def _around(self, outputs: Path) -> dict[str, str]:
        shims = self.temp / "shims"
        shims.mkdir(exist_ok=True)
        (shims / "pipx").write_text("#!/bin/sh\n")
        (shims / "pipx").chmod(0o755)
        return {
            **self.environment,
            "PATH": f"{shims}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
            "GITHUB_PATH": str(self.temp / "path"),
            "GITHUB_SHA": self.values.get("github.sha", ""),
            "RUNNER_TEMP": str(self.temp),
        }

    def _use(self, action: str, given: Mapping[str, str]) -> dict[str, str]:
        if action == "actions/checkout":
            return {}
        path = self.folder / given["path"] if "path" in given else self.folder
        if action == "actions/upload-artifact":
            if not path.exists() and given.get("if-no-files-found") == "ignore":
                return {}
            kept = self.folder.with_name(f"artifact-{self.values['github.run_id']}.json")
            shutil.copy(path, kept)
            self.artifacts[self.values["github.run_id"]] = kept
        elif action == "actions/download-artifact":
            run = given.get("run-id") or self.values["github.run_id"]
            if run not in self.artifacts:
                raise StepFailed(f"no artifact of run {run}")
            path.mkdir(exist_ok=True)
            shutil.copy(self.artifacts[run], path / "plan.json")
        elif action in {"OWNER/batchrunner", "./.batchrunner/action"}:
            return self.action(**{name.replace("-", "_"): text for name, text in given.items()}, version="installed")
        else:
            raise AssertionError(f"{action} is not known here")
        return {}


def _text(value: Any) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _read(text: str) -> dict[str, str]:
    """Outputs: `name=value` lines, and `name<<END` … `END`."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, mark, end = line.partition("<<")
        if mark and "=" not in name:
            value = []
            while (next_line := next(lines)) != end:
                value.append(next_line)
            found[name] = "\n".join(value)
        elif line:
            name, _, found[name] = line.partition("=")
    return found
