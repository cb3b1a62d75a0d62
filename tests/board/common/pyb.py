import board
import machine

if board.plan["leds"] != "pyb" and board.plan["timer"] != "pyb":
    raise ImportError("no module named 'pyb'")


def LED(number):
    if board.plan["leds"] != "pyb":
        raise ValueError("LED(%d) doesn't exist" % number)
    return board.Led(" RGB"[number])


class Timer(machine.Timer):
    """A timer of the processor: its interrupt is hard."""

    def __init__(self, number, freq, callback):
        if board.plan["timer"] != "pyb" or not 1 <= number <= 17:
            raise ValueError("Timer(%d) doesn't exist" % number)
        self.start(1000 // freq, callback, True)
