"""The raw REPL of a camera's MicroPython, on stdin and stdout: micropython repl.py FIRMWARE PLAN, in the camera's folder.

The unix port of MicroPython has no raw REPL of its own. This speaks as shared/runtime/pyexec.c of MicroPython does, and
really runs what it gets. At first main.py is running, and prints; PLAN and the modules are those of run.py.
"""

import builtins
import io
import json
import sys

here = __file__.rsplit("/", 1)[0]
firmware, plan = sys.argv[1:]
sys.path[:] = [here + "/common", here + "/" + firmware]

import board

with open(plan) as file:
    board.plan.update(json.load(file))
builtins.open = board.open_file

WINDOW = 128
BANNER = b"raw REPL; CTRL-B to exit\r\n>"
A, B, C, D, E = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
take = sys.stdin.buffer.read


def tell(data):
    sys.stdout.buffer.write(data)


def pasted():
    """Source by raw paste: as much as the host may send at once is told to it."""
    tell(b"R\x01" + bytes([WINDOW, 0]) + A)
    source, got = bytearray(), 0
    while (c := take(1)) != D:
        source.extend(c)
        got += 1
        if got % WINDOW == 0:
            tell(A)
    tell(D)
    return source


def execute(source, names):
    error = b""
    try:
        exec(compile(source.decode(), "<stdin>", "exec"), names)
    except Exception as raised:
        text = io.StringIO()
        sys.print_exception(raised, text)
        error = text.getvalue().replace("\n", "\r\n").encode()
    tell(D + error + D + b">")


def main():
    tell(b'{"label": "good", "score": 0.9961}\r\n' * 3)
    while take(1) != C:
        pass
    tell(b'\r\nMicroPython v1.25.0; OPENMV4 with STM32H743\r\nType "help()" for more information.\r\n>>> ')
    while take(1) != A:
        pass
    names, line = {"__name__": "__main__"}, bytearray()
    tell(b"\r\n" + BANNER)
    while c := take(1):
        if c == A and line == E + b"A":
            line = bytearray()
            execute(pasted(), names)
        elif c == A:
            line = bytearray()
            tell(BANNER)
        elif c == B:
            return
        elif c == C:
            line = bytearray()
        elif c == D and not line:
            names = {"__name__": "__main__"}
            tell(b"OK\r\nMPY: soft reboot\r\n" + BANNER)
        elif c == D:
            tell(b"OK")
            execute(line, names)
            line = bytearray()
        else:
            line.extend(c)


main()
