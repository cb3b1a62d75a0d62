import board

if board.plan["leds"] == "machine":

    def LED(name):
        if name not in ("LED_RED", "LED_GREEN", "LED_BLUE"):
            raise ValueError("LED doesn't exist")
        return board.Led(name[4])
