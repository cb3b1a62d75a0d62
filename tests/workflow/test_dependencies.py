"""What a script runs on: every module of linecam that it imports, however it says so, and no rule that forgets it."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from linecam.workflow import dependencies as module
from linecam.workflow.dependencies import modules_of

ROOT = Path(__file__).parents[2]
REUSED = re.compile(r"^use rule (\w+) as (\w+) with:\n(?:[ ].*\n|\n)*", re.MULTILINE)
RULE_FILES = sorted((ROOT / "rules").glob("*.smk"))
SCRIPTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "scripts").glob("*.py"))
# Those that need neither torch nor tensorflow: quick to import.
LIGHT = ["index_frames", "decode_frames", "select_test", "select_train", "split", "read_embeddings", "evaluate",
         "choose", "bundle", "render_belt", "fetch_masks", "label"]  # fmt: skip
# Imported inside the functions that run them: numba takes half a second, and scikit-learn more.
LATE = ["linecam/compiled.py", "linecam/selection/kcenter.py", "linecam/selection/typicality.py"]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A little repository of its own to write modules into."""
    monkeypatch.chdir(tmp_path)
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
        assert {f"{part.replace('.', '/')}.py" for part in loaded} == set(claims[name]) - {f"scripts/{name}.py", *LATE}


def rules() -> dict[str, str]:
    """The text of each rule by name, but for those that are another with other inputs."""
    found = {}
    for path in RULE_FILES:
        text = REUSED.sub("", path.read_text(encoding="utf-8"))
        blocks = re.split(r"^[ ]*rule (\w+):$", text, flags=re.MULTILINE)
        found |= dict(zip(blocks[1::2], blocks[2::2], strict=True))
    return found


def reused() -> dict[str, tuple[str, str]]:
    """By the name of a rule that is another one with other inputs: the other's name, and the text."""
    texts = [path.read_text(encoding="utf-8") for path in RULE_FILES]
    return {match[2]: (match[1], match[0]) for text in texts for match in REUSED.finditer(text)}


@pytest.mark.parametrize("name", reused())
def test_a_rule_with_other_inputs_lists_the_sources_of_the_script_that_it_runs(name):
    """Its inputs take the place of all of the other's."""
    base, text = reused()[name]
    if "input:" in text:  # else it has those of the other
        assert re.findall(r'code=modules_of\("(.+?)"\)', text) == [f"scripts/{base}.py"]


@pytest.mark.parametrize("name", rules())
def test_every_rule_with_a_script_lists_that_scripts_sources(name):
    text = rules()[name]
    scripts = re.findall(r'script:\s+"\.\./(scripts/\w+\.py)"', text)
    assert scripts == [f"scripts/{name}.py"]
    assert re.findall(r'code=modules_of\("(.+?)"\)', text) == scripts


def test_every_script_has_its_rule():
    assert {Path(script).stem for script in SCRIPTS} == set(rules())


def test_no_module_of_linecam_imports_a_script_or_snakemake():
    for path in (ROOT / "linecam").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) (scripts|snakemake)\b", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    "path", sorted([*(ROOT / "linecam").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]), ids=lambda path: path.name
)
def test_no_relative_imports_which_sources_does_not_follow(path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level]
