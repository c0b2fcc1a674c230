"""`python -m verify` is the `undertow` command."""

from verify.cli import main

if __name__ == "__main__":
    main()
