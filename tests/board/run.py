"""Runs a script of the camera on a PC: micropython run.py FIRMWARE SCRIPT PLAN SEEN, in the camera's folder.

The modules of OpenMV come from common/ and from the folder of the firmware. PLAN (JSON) says what the camera meets,
SEEN (JSON) what it did; common/board.py has both.
"""

import builtins
import json
import sys

here = __file__.rsplit("/", 1)[0]
firmware, script, plan, seen = sys.argv[1:]
sys.path[:] = [here + "/common", here + "/" + firmware, ""]  # the camera's folder holds the parts

import board
import events

with open(script) as file:
    source = file.read()
with open(plan) as file:
    board.plan.update(json.load(file))
builtins.open = board.open_file
try:
    exec(compile(source, script, "exec"), {"__name__": "__main__"})
finally:
    board.unlock()
    board.seen["ended"] = board.clock
    if not board.plan["real"]:
        events.let_pass(2000)  # the firmware goes on when the program has ended, with timers that still run
    board.seen["lit"].append("".join(name for name in "RGB" if board.leds[name]))
    with board.open(seen, "w") as file:
        json.dump(board.seen, file)
