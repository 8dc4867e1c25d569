"""`python -m partialconv`."""

from partialconv.cli import main

if __name__ == "__main__":
    main()
