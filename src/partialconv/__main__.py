"""`python -m partialconv`."""

from partialconv.cli import run

if __name__ == "__main__":
    run()
