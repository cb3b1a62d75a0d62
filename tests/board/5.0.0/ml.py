import board


class Model(board.Model):
    def __init__(self, path):  # load_to_fb is gone
        self.load(path, None)
        self.labels = board.labels_beside(path)
