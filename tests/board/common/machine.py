import board

if board.plan["leds"] == "machine":

    def LED(name):
        if name not in ("LED_RED", "LED_GREEN", "LED_BLUE"):
            raise ValueError("LED doesn't exist")
        return board.Led(name[4])


class Pin:
    IN, OUT = 0, 1
    PULL_UP, PULL_DOWN = 1, 2

    def __init__(self, name, mode=None, pull=None):
        if name not in ["P%d" % number for number in range(11)]:
            raise ValueError('unknown named pin "%s"' % name)
        self.name, self.level = name, int(pull == self.PULL_UP)

    def value(self):
        for ms, name, level in board.plan["edges"]:
            if name == self.name and ms <= board.clock:
                self.level = level
        return self.level
