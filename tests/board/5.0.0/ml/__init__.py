import board


class Model(board.Model):
    stretches = True

    def __init__(self, path):  # load_to_fb is gone
        self.load(path, None)
        self.labels = board.labels_beside(path)
