"""Where the labelling page is, for those who link to it: the report."""

# It is served here, unless another program has this port. A frame is at http://127.0.0.1:PORT/#frame=<its sha256>.
PORT = 8765
