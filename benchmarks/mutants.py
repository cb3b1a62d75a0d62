"""Which small faults no test would see, in the code that decides: mutation testing, by mutmut.

Mutmut makes mutants of a module: each has one small fault, such as a + for a -. A mutant that some test fails on is
killed. One that all tests pass on survives: there, a real fault would stay unseen.

`python benchmarks/mutants.py` tries 40 mutants of each module in `TESTS`, drawn at random; `--mutants 1000` tries all,
and `python benchmarks/mutants.py labels/store` those of one module. It prints each survivor and the share that was
killed. A mutant takes as long as the tests of its function, so each module has its own tests, and none that trains or
converts a network. Needs benchmarks/requirements.txt; nothing in this folder is changed.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parent.parent
PARTS = ["linecam", "scripts", "tests", "config", "rules", "openmv", "envs", "profiles"]
FILES = ["Snakefile", "requirements.lock", "pyproject.toml"]

# By its module, the tests that a mutant has to survive.
TESTS = {
    "boards/firmware_rules": ["tests/boards/test_rules.py"],
    "boards/memory_rules": ["tests/boards/test_rules.py"],
    "boards/output_rules": ["tests/boards/test_rules.py"],
    "camera/arithmetic": ["tests/camera/test_camera.py", "tests/camera/test_region.py"],
    "labels/store": ["tests/labels/test_store.py", "tests/labels/test_rename.py", "tests/labels/test_any_labels.py"],
    "labels/tables": ["tests/labels/test_tables.py"],
    "intervals": ["tests/evaluation/test_intervals.py"],
    "selection/kcenter": ["tests/selection/test_kcenter.py"],
    "selection/herding": ["tests/selection/test_herding.py"],
    "selection/strategies": ["tests/selection/test_strategies.py"],
    "evaluation/metrics": ["tests/evaluation/test_metrics.py"],
    "training/soft_labels": ["tests/training/test_soft_labels.py"],
}

# A line of a message: which words it has, no test should say.
MESSAGE = r'^\s*(raise \w+\()?f?"[^"]*"\)?,?$'


def copy_tree(folder: Path, module: str) -> None:
    """Copy what the tests need into `folder`, where mutmut works on `module`."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
    source = folder / f"linecam/{module}.py"
    # Mutmut changes no function below a decorator, and numba compiles none of mutmut's: so these run as Python.
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    source.write_text("".join(line for line in lines if not line.startswith("@compiled")), encoding="utf-8")
    settings = {
        "source_paths": ["linecam"],
        "only_mutate": [f"linecam/{module}.py"],
        "do_not_mutate_patterns": [MESSAGE],
        "also_copy": [*(part for part in PARTS if part not in {"linecam", "tests"}), *FILES],
        "pytest_add_cli_args_test_selection": TESTS[module],
        # A change of the function may not be met by luck in one run and missed in the next. No test of `TESTS` needs
        # conftest.py, which imports PyTorch.
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "--noconftest", "--hypothesis-seed=1"],
    }
    written = "".join(f"{key} =\n" + "".join(f"    {value}\n" for value in values) for key, values in settings.items())
    written = written.replace("source_paths =\n    linecam", "source_paths = linecam")
    (folder / "setup.cfg").write_text(f"[mutmut]\n{written}", encoding="utf-8")


def names_of(folder: Path, module: str) -> list[str]:
    """The names of all mutants of `module`, in mutmut's order; they are not tried."""
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from mutmut.mutation.file_mutation import mutate_file_contents\n"
        "from mutmut.utils.format_utils import get_mutant_name\n"
        "file = sys.argv[1]\n"
        "for name in mutate_file_contents(file, Path(file).read_text(encoding='utf-8')).mutant_names:\n"
        "    print(get_mutant_name(Path(file), name))\n"
    )
    command = [sys.executable, "-c", program, f"linecam/{module}.py"]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def try_mutants(module: str, most: int, workers: int) -> tuple[int, int]:
    """Try `most` mutants of a module, or all; print the survivors; return how many were tried and were killed."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        copy_tree(folder, module)
        names = names_of(folder, module)
        chosen = names if most >= len(names) else sorted(random.Random(1).sample(names, most))
        mutmut = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        run = subprocess.run(
            [*mutmut, "run", "--max-children", str(workers), *chosen],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        meta = folder / f"mutants/linecam/{module}.py.meta"
        found = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"] if meta.is_file() else {}
        states = {name: status_by_exit_code[found.get(name)] for name in chosen}
        if "not checked" in states.values():
            sys.exit(f"{module}: mutmut did not get to its end:\n{run.stdout[-3000:]}")
        killed = [name for name in chosen if states[name] in {"killed", "timeout", "segfault"}]
        print(f"{module}: {len(killed)} of {len(chosen)} killed, {len(names)} mutants in all", flush=True)
        for name in chosen:
            if name not in killed:
                shown = subprocess.run(
                    [*mutmut, "show", name], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
                ).stdout
                changed = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
                print(f"  {states[name]} {name}", *changed, sep="\n    ", flush=True)
        return len(chosen), len(killed)


def main() -> None:
    """Try the mutants of the modules that are named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"one of {', '.join(TESTS)}")
    parser.add_argument("--mutants", type=int, default=40, help="how many of each module (default: 40)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many at once")
    options = parser.parse_args()
    if unknown := set(options.modules) - set(TESTS):
        parser.error(f"there are no tests for {', '.join(sorted(unknown))}")
    counts = [try_mutants(module, options.mutants, options.workers) for module in options.modules or TESTS]
    tried, killed = (sum(numbers) for numbers in zip(*counts, strict=True))
    print(f"{killed} of {tried} killed: {killed / tried:.1%}")


if __name__ == "__main__":
    main()
