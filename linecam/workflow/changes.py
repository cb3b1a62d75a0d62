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
from linecam.workflow.job import with_options
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
        f"{missing_labels(plan) if 'split' in rules else ''}"
        "This was a dry run: nothing was made. The same command without it makes it; --verbose has each step's reason."
    )


def trained(rules: Sequence[str]) -> str:
    """What these rules train, a name for each job."""
    count = Counter(rules)
    backbones, models = sum(count[rule] for rule in BACKBONES), count["finetune"]
    parts = [counted(backbones, "backbone")] * bool(backbones)
    parts += [counted(models, "model")] * bool(models)
    folds = count["finetune_fold"]
    parts += [f"{counted(folds, 'model')} without a fold, to judge by"] * bool(folds)
    parts += [f"what {rule} compares" for rule in sorted(STUDIES) if count[rule]]
    return ", ".join(parts) or "nothing"


class Changes:
    """What differs from when the results were made, as far as jobs that run now depend on it.

    Snakemake's reasons say why the first job of a chain runs, and of the others only that the first one does. So
    Snakemake's metadata are asked for each of them.
    """

    def __init__(self, workflow: Workflow, jobs: Sequence[Job], plan: Plan, listing: Listing) -> None:
        self._workflow, self._jobs, self._plan, self._listing = workflow, jobs, plan, listing
        self._metadata = workflow.persistence
        self._params = [(job, change) for job in jobs if (change := self._metadata.params_changed(job))]

    def in_words(self) -> list[str]:
        """Each change in a phrase: labels, frames, settings, other files, linecam itself, results that are gone."""
        files = self._changed_files() | self._other_inputs()
        code = {file for file in files if _is_own(file)}
        others = files - code - {self._plan.labels_csv}
        reasons = [self._workflow.dag.reason(job) for job in self._jobs]
        return [
            *self._labels(files),
            *self._frames(),
            *(self._settings() or dict.fromkeys(self._other_params())),
            *_named(sorted(others), ""),
            *_named(sorted(code), "linecam itself: "),
            *(["packages of the steps' environments"] if any(one.software_stack_changed for one in reasons) else []),
            *self._gone(),
            *(["asked for by an option"] if any(one.forced for one in reasons) else []),
        ]

    def _changed_files(self) -> set[str]:
        """Inputs that no job makes, and whose content is another one than it was."""
        found: dict[str, bool] = {}
        for job in self._jobs:
            made = {file for files in self._workflow.dag.dependencies[job].values() for file in files}
            for file in job.input:
                recorded = self._metadata.input_checksums(job, file) - {None}
                if file in made or not recorded or str(file) in found:
                    continue
                now = self._workflow.async_run(file.checksum(self._metadata.max_checksum_file_size))
                found[str(file)] = now is not None and now not in recorded
        return {file for file, changed in found.items() if changed}

    def _other_inputs(self) -> set[str]:
        """Inputs that a job has now and had not, or had and has not, and that are no results."""
        found: set[str] = set()
        for job in self._jobs:
            for output in job.output:
                before = self._metadata.input(output)
                found |= set() if before is None else set(before) ^ set(map(str, job.input))
        return {file for file in found if not file.startswith(f"{self._plan.results}/")}

    def _labels(self, files: Iterable[str]) -> Iterator[str]:
        """How many labels differ from those that the results were made with."""
        path, others = self._plan.labels_csv, self._changed_param("labelled")
        if path not in files and not others:
            return
        then: dict[str, str] = {}
        for table in sorted(Path(self._plan.results, "split").glob("*.csv")):
            then |= {row["sha256"]: row["label"] for row in _rows(table) if row["part"] != "unlabelled"}
        now: dict[str, str] = {}
        with suppress(UserError, OSError):  # the step that reads them says what is wrong
            now = {digest: row["label"] for digest, row in read_labels(path, self._plan.classes).items()}
        changed = sum(then[digest] != label for digest, label in now.items() if digest in then)
        unused = sum(digest not in then for digest in now) if others or not then else 0
        parts = [counted(changed, "label")] * bool(changed)
        parts += [counted(unused, "new label")] * bool(unused)
        yield f"{' and '.join(parts)} in {path}" if parts else path

    def _frames(self) -> Iterator[str]:
        """How many frames of the user's folder are new, and how many have gone."""
        if not self._changed_param("content"):
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

    def _changed_param(self, name: str) -> bool:
        """Whether a job's parameter `name` is another one than it was."""
        return any(repr(dict(job.params.items()).get(name)) in change.only_new for job, change in self._params)

    def _settings(self) -> list[str]:
        """Each setting with its old and new value, where a step runs that has the whole configuration as a parameter.

        The report and the bundle have it.
        """
        found: dict[str, None] = {}
        for _, change in self._params:
            for old in filter(None, map(_configuration, sorted(change.only_old))):
                for new in filter(None, map(_configuration, sorted(change.only_new))):
                    found |= dict.fromkeys(differences(old, new))
        return list(found)

    def _other_params(self) -> Iterator[str]:
        """Parameters that differ, by name; the only one of a job with both values, since old values have no names."""
        for job, change in self._params:
            names = [name for name, value in job.params.items() if name and repr(value) in change.only_new]
            if len(names) == len(change.only_old) == len(change.only_new) == 1 and names[0] not in _TOLD_ELSEWHERE:
                (old,), (new,) = change.only_old, change.only_new
                if max(len(old), len(new)) <= LONGEST:
                    yield f"{names[0]}: {old} → {new}"
                    continue
            yield from (f"{name} of {job.rule.name}" for name in names if name not in _TOLD_ELSEWHERE)

    def _gone(self) -> Iterator[str]:
        """Results that were made once and are not there, and those that an earlier run did not finish."""
        gone, cut = set(), set()
        for job in self._jobs:
            reason = self._workflow.dag.reason(job)
            missing = [file for file in reason.missing_output if file not in job.temp_output]
            if not _failed(job):
                gone |= {str(file) for file in missing if self._metadata.metadata(file)}
            cut |= {str(file) for file in reason.incomplete_output}
        yield from _named(sorted(gone - cut), "gone: ")
        yield from _named(sorted(cut), "cut off in an earlier run: ")


def _failed(job: Job) -> bool:
    """Whether a job has run and never ended well: Snakemake has metadata of it, as if it had made its results."""
    logged = any(Path(log).is_file() for log in job.log)
    return logged and job.benchmark is not None and not Path(job.benchmark).is_file()


def missing_labels(plan: Plan) -> str:
    """How many of the frames that are selected now have no label, where a run stops for them; "" for none.

    A belt has drawn its labels. Frames that are to be selected first are not counted: nobody knows them yet.
    """
    if plan.settings.dataset.kind == "belt":
        return ""
    selected: set[str] = set()
    for name in [*plan.selections, "test"]:
        selected |= {row["sha256"] for row in _rows(Path(plan.results, "select", f"{name}.csv"))}
    judged = {row["sha256"] for row in _rows(Path(plan.labels_csv)) if row.get("label")}
    judged |= {row["sha256"] for row in _rows(Path(plan.results, "index/frames.csv")) if row["label"]}
    missing = len(selected - judged)
    if not missing:
        return ""
    return (
        f"Stops for labels: {missing} of {len(selected)} selected frames have none yet, and without them nothing is "
        f"trained. Label them with: {with_options('linecam label')}\n"
    )


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
