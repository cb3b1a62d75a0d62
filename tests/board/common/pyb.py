import board

if board.plan["leds"] != "pyb":
    raise ImportError("no module named 'pyb'")


def LED(number):
    return board.Led(" RGB"[number])
