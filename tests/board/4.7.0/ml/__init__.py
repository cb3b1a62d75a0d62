import board


class Model(board.Model):
    def __init__(self, path, load_to_fb=False):
        self.load(path, load_to_fb)
        self.labels = board.labels_beside(path)
