"""Cursor movements and colours."""
# points: 6

import sys

from conformance import wandb

run = wandb.init(id="c72", name="cursor")
print("one")
print("two")
print("three")
sys.stdout.write("\x1b[A\x1b[Achanged two\n")
sys.stdout.write("\x1b[Bbelow\n")
print("\x1b[31mred\x1b[0m and plain")
print("\x1b[1;32mgreen\x1b[K rest")
sys.stdout.write("abc\x08d\n")
print("x" * 5000)
print("end")
run.log({"x": 1})
run.finish()
