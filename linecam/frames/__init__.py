"""File to pixels: the index of the frames, their decoding, sequences and near-duplicates, arrays with a row a frame."""
