"""Results in a bucket: `--default-storage-provider s3 --default-storage-prefix s3://BUCKET/FOLDER`, docs/cloud.md.

This module talks to Snakemake. Without such a provider all of it leaves the plan as it is.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from snakemake.io import ancient, flag, is_flagged, local

from linecam.errors import UserError
from linecam.files import sha256
from linecam.workflow.dependencies import modules_of
from linecam.workflow.plan import Plan

# What Snakemake hands over: its workflow, the wildcards of a job, and a job's input files.
Workflow = Any
Wildcards = Any
Input = Any


class JobFiles:
    """Where a job finds files, and what stands in a bucket for the code that made a result.

    On one machine the code of a step is an input of its rule, and Snakemake's records in .snakemake tell of changed
    parameters. Another checkout has no such records. So in a bucket an empty object stands for all that a step is made
    with: its name is a hash of the script, of the modules that it imports, of the local files that it reads and of the
    rule's parameters.
    """

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        """Raises `UserError` where a bucket's jobs could not see the folders train/ and test/ of the frames."""
        self._workflow = workflow
        self._plan = plan
        self._asked_for: set[str] = set()
        self.in_bucket: bool = workflow.storage_settings.default_storage_provider is not None
        source = plan.settings.dataset.source if plan.settings.dataset.kind == "folder" else None
        if self.in_bucket and source and plan.given_split and not plan.settings.select.strategies:
            raise UserError(
                f"{source} has the folders train/ and test/, which a job on another machine can't see: "
                "your frames stay here, and results go to the bucket. Write select: {strategies: [given]} into your "
                "configuration."
            )

    # --- Inputs

    def local_file(self, path: Any) -> Any:
        """A file of this machine as an input, not of the bucket; an empty list stays one.

        Its modification time is that of a checkout, and does not say whether results in a bucket are out of date. Its
        content does, which is part of the name of the object for `code_of`. Without a shared disk the job runs here.
        """
        return flag(ancient(local(path)), "counted") if self.in_bucket and path else path

    @property
    def frames_input(self) -> Any:
        """The frames, as an input of rules that read them by the paths in a table; none is needed without a bucket."""
        return (
            ancient(self._plan.frames_folder) if self.in_bucket and self._plan.settings.dataset.kind != "folder" else []
        )

    def frames_folder(self, wildcards: Wildcards, input: Input) -> str:
        """Where a job has the frames, as a parameter."""
        return getattr(input, "folder", None) or self._plan.frames_folder

    def code_of(self, script: str) -> list[str] | Callable[[Wildcards], str]:
        """What a rule lists as an input so that a changed line of its script, or of a module of it, reruns it."""
        return self._state_of(script) if self.in_bucket else modules_of(script)

    def _state_of(self, script: str) -> Callable[[Wildcards], str]:
        step = Path(script).stem

        def state(wildcards: Wildcards) -> str:
            rule = self._workflow.get_rule(step)
            files = [str(path) for path in rule.input if is_flagged(path, "counted")]
            # A file that is missing is Snakemake's to name.
            contents = [sha256(path) for path in [*modules_of(script), *files] if Path(path).exists()]
            params = {name: _evaluated(value, wildcards) for name, value in rule.params.items()}
            text = json.dumps([contents, self._without_places(params)], sort_keys=True, default=str)
            digest = hashlib.sha256(text.encode()).hexdigest()
            path = f"{self._plan.results}/made_with/{step}-{digest[:16]}"
            if path not in self._asked_for and not self._workflow.remote_exec:
                self._asked_for.add(path)
                self._ask_for(path)
            return path

        return state

    def _ask_for(self, path: str) -> None:
        """Have an object made that the bucket lacks: where results are there, Snakemake would do without that input."""
        prefix = (self._workflow.storage_settings.default_storage_prefix or "").rstrip("/")
        entry = self._workflow.storage_registry.default_storage_provider.object(f"{prefix}/{path}")
        try:
            there = entry.exists()
        except Exception as error:  # each plugin has its own
            raise SystemExit(
                f"The bucket of {prefix} cannot be read: {error}. Check --default-storage-prefix, the store's address "
                "and the keys in the environment; docs/cloud.md says which variables these are."
            ) from None
        if not there:
            self._workflow.dag.forcefiles.add(str(entry.local_path()))

    def _without_places(self, value: Any) -> Any:
        """`value` without where a user's files lie: another machine has them elsewhere."""
        if isinstance(value, dict):
            return {key: self._without_places(item) for key, item in value.items()}
        places = (self._plan.settings.dataset.source, self._plan.settings.bundle.signing_key)
        return None if value in places else value

    # --- Parameters

    def as_job_has_them(self, values: Sequence[Any]) -> Any:
        """`values` (lists, dicts, text) as a parameter, in which the path of an input is where the job has the file."""
        inside = f"{self._plan.results}/"

        def parameter(wildcards: Wildcards, input: Input) -> Any:
            # .snakemake/storage/s3/BUCKET/FOLDER/results/...
            places = {path[path.rindex(inside) :]: path for path in input if inside in path}
            return _replaced(values, places)

        return parameter if self.in_bucket else values


def _evaluated(value: Any, wildcards: Wildcards) -> Any:
    """A parameter's value before its job has its inputs."""
    if not callable(value):
        return value
    asked: dict[str, Any] = {"input": []} if "input" in inspect.signature(value).parameters else {}
    return value(wildcards, **asked)


def _replaced(value: Any, places: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, places) for item in value]
    return places.get(value, value)
