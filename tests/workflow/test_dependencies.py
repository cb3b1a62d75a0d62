"""What a script runs on: every module of linecam that it imports, however it says so, and no rule that forgets it."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake.rules import Rule

from linecam import files
from linecam.workflow import dependencies as module
from linecam.workflow.dependencies import modules_of
from tests.conftest import ROOT
from tests.workflow.conftest import code_of, script_of

SCRIPTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "scripts").glob("*.py"))
# Those that need neither torch nor tensorflow: quick to import.
LIGHT = ["index_frames", "decode_frames", "select_test", "select_train", "split", "read_embeddings", "evaluate",
         "choose", "bundle", "render_belt", "fetch_masks"]  # fmt: skip
# Imported inside the functions that run them: numba takes half a second, and scikit-learn more.
LATE = ["linecam/compiled.py", *(f"linecam/selection/{name}.py" for name in ("herding", "kcenter", "typicality"))]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A little repository of its own to write modules into."""
    monkeypatch.chdir(tmp_path)
    for home in (module, files):
        monkeypatch.setattr(home, "ROOT", tmp_path)
    module._imported.cache_clear()
    (tmp_path / "linecam").mkdir()
    (tmp_path / "scripts").mkdir()

    def write(**files: str) -> None:
        for name, text in files.items():
            place = "scripts" if name == "step" else "linecam"
            (tmp_path / place / f"{name}.py").write_text(text)

    yield write
    module._imported.cache_clear()


def of_step(text: str, tree, **modules: str) -> set[str]:
    tree(step=text, **modules)
    return {Path(path).stem for path in modules_of("scripts/step.py")} - {"step"}


@pytest.mark.parametrize(
    "text",
    [
        "import linecam.a\n",
        "import linecam.a as short\n",
        "import os, linecam.a\n",
        "from linecam import a\n",
        "from linecam import a as short\n",
        "from linecam.a import x\n",
        "from linecam.a import *\n",
        "from linecam.a import (\n    x,\n    y as z,\n)\n",
        "def late():\n    from linecam.a import x\n    return x\n",
        "try:\n    import linecam.a\nexcept ImportError:\n    pass\n",
        "if True:\n    from linecam import a\n",
        "if x:\n    pass\nelif y:\n    pass\nelse:\n    import linecam.a\n",
        "try:\n    pass\nexcept ImportError:\n    import linecam.a\n",
        "try:\n    pass\nfinally:\n    import linecam.a\n",
        "with x:\n    for y in z:\n        import linecam.a\n",
        "class Late:\n    async def late(self):\n        while True:\n            import linecam.a\n",
        "match x:\n    case 1:\n        import linecam.a\n",
        "x = 1; import linecam.a\n",
    ],
)
def test_every_form_of_import(tree, text):
    assert of_step(text, tree, a="x = y = 1\n", b="") == {"a"}


def test_two_from_the_package(tree):
    assert of_step("from linecam import a, b\n", tree, a="", b="", c="") == {"a", "b"}


def test_transitive_imports_and_circles(tree):
    a, b = "from linecam.b import x\n", "import linecam.c\n"
    assert of_step("from linecam import a\n", tree, a=a, b=b, c="from linecam import a\n", d="") == {"a", "b", "c"}


def test_what_is_not_of_linecam_is_left_out(tree):
    text = "import os\nimport linecamera.a\nfrom linecam_more import a\nfrom pathlib import Path\n"
    assert of_step(text, tree, a="") == set()


def test_words_in_texts_and_comments_are_no_imports(tree):
    assert of_step('# import linecam.a\nX = "from linecam import a"\n', tree, a="") == set()


def test_the_script_is_among_its_sources_and_all_is_sorted(tree):
    tree(step="from linecam import b, a\n", a="", b="")
    assert modules_of("scripts/step.py") == ["linecam/a.py", "linecam/b.py", "scripts/step.py"]


# --- this repository


@pytest.mark.parametrize("script", SCRIPTS)
def test_sources_of_every_script_exist(script, monkeypatch):
    monkeypatch.chdir(ROOT)
    found = modules_of(script)
    assert script in found
    assert all((ROOT / path).is_file() for path in found)


def test_the_sources_are_what_python_loads():
    """Not read but run: import each light script by itself, and look at what came with it."""
    code = """
import sys
for name in sys.argv[1:]:
    for loaded in [n for n in sys.modules if n.startswith(("linecam.", "scripts."))]:
        del sys.modules[loaded]
    __import__(f"scripts.{name}")
    rooms = {n for n, module in sys.modules.items() if hasattr(module, "__path__")}
    print(name, *sorted(n for n in sys.modules if n.startswith("linecam.") and n not in rooms))
"""
    run = subprocess.run([sys.executable, "-c", code, *LIGHT], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line.split() for line in run.stdout.splitlines()]
    assert [line[0] for line in lines] == LIGHT
    check = f"""
import json, sys
from linecam.workflow.dependencies import modules_of
print(json.dumps({{name: modules_of(f"scripts/{{name}}.py") for name in {LIGHT!r}}}))
"""
    said = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    claims = json.loads(said.stdout)
    for name, *loaded in lines:
        found = {f"{part.replace('.', '/')}.py" for part in loaded}
        assert found - set(LATE) == set(claims[name]) - {f"scripts/{name}.py", "linecam/__init__.py", *LATE}


def test_every_step_lists_the_sources_of_the_script_that_it_runs(
    steps: dict[str, Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that is another with other inputs (`use rule`) has to say so again: its inputs take the place of all."""
    monkeypatch.chdir(ROOT)
    assert {name: code_of(rule) for name, rule in steps.items()} == {
        name: modules_of(script_of(rule)) for name, rule in steps.items()
    }


def test_every_script_has_the_rule_of_its_name_and_every_step_a_script(steps: dict[str, Rule]) -> None:
    """Other steps that run it do what that one does (`use rule`): only their paths and settings are others."""
    assert {Path(script).stem for script in SCRIPTS} <= steps.keys()
    for name, rule in steps.items():
        namesake = steps[Path(script_of(rule)).stem]
        assert script_of(namesake) == script_of(rule)
        assert name == namesake.name or rule.docstring == namesake.docstring, f"{name} is no other {namesake.name}"


@pytest.mark.parametrize(
    "path", sorted([*(ROOT / "linecam").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]), ids=lambda path: path.name
)
def test_no_relative_imports_which_sources_does_not_follow(path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level]
