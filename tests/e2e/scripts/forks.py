"""Forks again and again while the parent logs: `forks.py ID FORKS CHILD_ROWS`."""

import os
import sys
import threading

import wandbd as wandb


def main() -> None:
    """Log in the parent all the while; every child logs rows of its own and says goodbye."""
    run_id, forks, child_rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run = wandb.init(project="e2e", id=run_id, settings=wandb.Settings(console="off"))
    logged = 0
    for child in range(forks):
        # A burst on both sides of the fork, so that it strikes in all phases of the sender's cycle.
        for _ in range(child * 7 % 50 + 1):
            run.log({"parent": logged})
            logged += 1
        pid = os.fork()
        if pid == 0:
            for number in range(child_rows):
                wandb.log({"child": child, "number": number})
            wandb.finish()
            os._exit(0)
        for _ in range(20):
            run.log({"parent": logged})
            logged += 1
        # A child that hangs fails the test here, and not after minutes.
        watchdog = threading.Timer(30, os.kill, (pid, 9))
        watchdog.start()
        status = os.waitpid(pid, 0)[1]
        watchdog.cancel()
        if status != 0:
            print(f"child {child} ended with {status}", flush=True)
            os._exit(9)
    print(f"parent {logged}", flush=True)
    run.finish()


if __name__ == "__main__":
    main()
