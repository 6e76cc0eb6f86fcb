"""`python -m wandbd` is the command `wandbd`."""

from wandbd._bin import main

main()
