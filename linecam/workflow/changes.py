"""What a dry run says: what has changed since the results were made, and what that makes a run do.

Snakemake decides what runs. Here its reasons are put into words, by the metadata that it keeps of each result.

This module talks to Snakemake.
"""

import ast
import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from linecam.errors import UserError
from linecam.files import ROOT
from linecam.frames.folder import VIDEO_SUFFIXES, Listing
from linecam.labels.store import read_labels
from linecam.workflow.plan import Plan
from linecam.workflow.steps import about, by_number, counted, run_seconds, steps_of

# Rules that train something, and what.
BACKBONES = {"teach", "pretrain", "pretrain_on_rendered", "distill"}
MODELS = {"finetune", "finetune_fold"}
STUDIES = {"tune", "study_selection"}  # which train by themselves
MOST_RULES = 10  # that are named; of more only how many steps there are of each stage
MOST_NAMED = 3  # files, of each kind of change
LONGEST = 60  # characters of a value

# Parameters that say in another way what is told of frames, labels and settings.
_TOLD_ELSEWHERE = {"content", "labelled", "config", "configuration"}

# What Snakemake hands over.
Workflow = Any
Job = Any


def plan_in_words(workflow: Workflow, plan: Plan, listing: Listing) -> str:
    """What changed, which steps run, about how long they take, and whether anything is trained.

    `listing` is what the folder of frames holds now; it is empty where the frames are not a user's.
    """
    dag = workflow.dag
    steps = steps_of(dag, Path(plan.results) / "benchmarks")
    if not steps:
        return ""
    jobs = [job for job in dag.needrun_jobs(exclude_finished=False) if dag.jobid(job) in steps]
    order = {rule.name: number for number, rule in enumerate(workflow.rules)}  # that of the data
    jobs.sort(key=lambda job: order[job.rule.name])
    rules = [job.rule.name for job in jobs]
    stages = [Path(str(job.rule.snakefile)).stem for job in jobs]
    names = by_number(rules) if len(set(rules)) <= MOST_RULES else by_number(stages)
    seconds = run_seconds(dag, steps, workflow.resource_settings.cores or 1)
    changes = "; ".join(Changes(workflow, jobs, plan, listing).in_words())
    return (
        f"{f'Changed: {changes}' if changes else 'Nothing has changed. These results were never made.'}\n"
        f"Runs: {counted(len(steps), 'step')}, {about(seconds)}: {names}\n"
        f"Trains: {trained(rules)}\n"
        "This was a dry run: nothing was made. The same command without it makes it; --verbose has each step's reason."
    )


def trained(rules: Sequence[str]) -> str:
    """What these rules train, a name for each job."""
    count = Counter(rules)
    backbones, models = sum(count[rule] for rule in BACKBONES), count["finetune"]
    parts = [counted(backbones, "backbone")] * bool(backbones)
    parts += [counted(models, "model")] * bool(models)
    parts += [f"{counted(count['finetune_fold'], 'fold')} to judge by"] * bool(count["finetune_fold"])
    parts += [f"what {rule} compares" for rule in sorted(STUDIES) if count[rule]]
    return ", ".join(parts) or "nothing"


class Changes:
    """Why jobs run, by Snakemake's reasons for each of them."""

    def __init__(self, workflow: Workflow, jobs: Sequence[Job], plan: Plan, listing: Listing) -> None:
        self._workflow, self._jobs, self._plan, self._listing = workflow, jobs, plan, listing
        self._reasons = [workflow.dag.reason(job) for job in jobs]

    def in_words(self) -> list[str]:
        """Each change in a phrase: labels, frames, settings, other files, linecam itself, results that are gone."""
        updated = {str(file) for reason in self._reasons for file in reason.updated_input - reason.updated_input_run}
        came, went = self._other_inputs()
        code = {file for file in updated | came | went if _is_own(file)}
        files = updated | {file for file in came | went if not file.startswith(f"{self._plan.results}/")}
        settings = self._settings()
        found = [
            *self._labels(files),
            *self._frames(),
            *settings,
            *_named(sorted(files - code - {self._plan.labels_csv}), ""),
            *_named(sorted(code), "linecam itself: "),
            *(["packages of the steps' environments"] if self._any("software_stack_changed") else []),
            *self._gone(),
            *(["asked for by an option"] if self._any("forced") else []),
        ]
        return found

    def _any(self, kind: str) -> bool:
        return any(getattr(reason, kind) for reason in self._reasons)

    def _other_inputs(self) -> tuple[set[str], set[str]]:
        """Inputs that jobs have and had not when they ran last, and the other way round."""
        came, went = set(), set()
        for job, reason in zip(self._jobs, self._reasons, strict=True):
            for output in job.output if reason.input_changed else []:
                before, now = set(self._workflow.persistence.input(output) or ()), set(map(str, job.input))
                came |= now - before
                went |= before - now
        return came, went

    def _labels(self, files: Iterable[str]) -> Iterator[str]:
        """How many labels differ from those that the results were made with."""
        path, labelled = self._plan.labels_csv, self._params("labelled")
        if path not in files and not labelled:
            return
        then: dict[str, str] = {}
        for table in sorted(Path(self._plan.results, "split").glob("*.csv")):
            then |= {row["sha256"]: row["label"] for row in _rows(table) if row["part"] != "unlabelled"}
        now: dict[str, str] = {}
        with suppress(UserError, OSError):  # the step that reads them says what is wrong
            now = {digest: row["label"] for digest, row in read_labels(path, self._plan.classes).items()}
        new = sum(digest not in then for digest in now)
        changed = sum(then[digest] != label for digest, label in now.items() if digest in then)
        parts = [counted(changed, "label")] * bool(changed) + [counted(new, "new label")] * bool(new)
        yield f"{' and '.join(parts)} in {path}" if parts else path

    def _frames(self) -> Iterator[str]:
        """How many frames of the user's folder are new, and how many have gone."""
        if not self._params("content"):
            return
        images: Counter[str] = Counter()  # by digest
        videos = set()
        for row in _rows(Path(self._plan.results, "index/frames.csv")):
            if video := _video_of(row["path"]):
                videos.add(video)
            else:
                images[row["sha256"]] += 1
        now = Counter(digest for _, digest in self._listing.files.values())
        changes = [
            counted((now - images).total(), "new frame"),
            counted((images - now).total(), "frame gone", "frames gone"),
            counted(len(self._listing.videos.keys() - videos), "new video"),
            counted(len(videos - self._listing.videos.keys()), "video gone", "videos gone"),
        ]
        yield from [change for change in changes if not change.startswith("0 ")] or ["names of frames"]

    def _params(self, name: str) -> bool:
        """Whether a job runs as its parameter `name` has changed."""
        return any(
            reason.params_changed and repr(job.params.get(name)) in reason.params_changed.only_new
            for job, reason in zip(self._jobs, self._reasons, strict=True)
            if name in job.params.keys()  # noqa: SIM118 (Snakemake's own kind of dictionary)
        )

    def _settings(self) -> list[str]:
        """Each setting with its old and new value.

        The report and the bundle have the whole configuration as a parameter. Where neither is asked for, it is the
        parameters of the steps that run.
        """
        found: dict[str, None] = {}
        for reason in self._reasons:
            change = reason.params_changed
            if not change:
                continue
            new = [value for value in map(_configuration, change.only_new) if value]
            for old in filter(None, map(_configuration, change.only_old)):
                found |= dict.fromkeys(line for value in new for line in differences(old, value))
        return list(found) or list(dict.fromkeys(self._changed_params()))

    def _changed_params(self) -> Iterator[str]:
        for job, reason in zip(self._jobs, self._reasons, strict=True):
            change = reason.params_changed
            if not change:
                continue
            names = [name for name, value in job.params.items() if name and repr(value) in change.only_new]
            names = [name for name in names if name not in _TOLD_ELSEWHERE]
            if len(names) == len(change.only_old) == len(change.only_new) == 1:
                old, new = next(iter(change.only_old)), next(iter(change.only_new))
                if max(len(old), len(new)) <= LONGEST:
                    yield f"{names[0]}: {old} → {new}"
                    continue
            yield from (f"{name} of {job.rule.name}" for name in names)

    def _gone(self) -> Iterator[str]:
        """Results that were made once and are not there, and those that an earlier run did not finish."""
        gone, cut = set(), set()
        for job, reason in zip(self._jobs, self._reasons, strict=True):
            missing = [file for file in reason.missing_output if file not in job.temp_output]
            gone |= {str(file) for file in missing if self._workflow.persistence.metadata(file)}
            cut |= {str(file) for file in reason.incomplete_output}
        yield from _named(sorted(gone - cut), "gone: ")
        yield from _named(sorted(cut), "cut off in an earlier run: ")


def differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Each value in which two configurations differ: "finetune.epochs: 2 → 3"; of a list what came and what went."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from differences(old.get(name), new.get(name), f"{key}.{name}".removeprefix("."))
    elif old == new:
        return
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        before, now = [*map(_short, old)], [*map(_short, new)]
        signs = [f"-{one}" for one in before if one not in now] + [f"+{one}" for one in now if one not in before]
        yield f"{key}: {' '.join(signs) or 'in another order'}"
    else:
        yield f"{key}: {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    """A value as one would write it into a configuration, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _configuration(param: str) -> dict[str, Any] | None:
    """The whole configuration, where this is it, of a parameter as Snakemake's metadata have it."""
    with suppress(ValueError, SyntaxError):
        value = ast.literal_eval(param)
        if isinstance(value, dict) and {"dataset", "finetune", "quantize"} <= value.keys():
            return value
    return None


def _video_of(path: str) -> str:
    """The video that a frame of the index is from; "" where it is a file of its own."""
    parts = PurePosixPath(path).parts
    for number, part in enumerate(parts[:-1], start=1):
        if PurePosixPath(part).suffix.lower() in VIDEO_SUFFIXES:
            return "/".join(parts[:number])
    return ""


def _is_own(path: str) -> bool:
    """Whether a file belongs to linecam, and not to the user."""
    file = Path(path).resolve()
    return file.suffix != ".yaml" and any(file.is_relative_to(ROOT / part) for part in ("linecam", "scripts", "openmv"))


def _named(files: Sequence[str], what: str) -> list[str]:
    more = len(files) - MOST_NAMED
    return [f"{what}{', '.join(files[:MOST_NAMED])}{f' and {more} more' if more > 0 else ''}"] if files else []


def _rows(table: Path) -> list[dict[str, str]]:
    """The rows of a CSV table; none where there is no such file."""
    try:
        with table.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError:
        return []
