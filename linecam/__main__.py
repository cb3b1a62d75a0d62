"""`python -m linecam` is the `linecam` command."""

from linecam.cli import main

main()
