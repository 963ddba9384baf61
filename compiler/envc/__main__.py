"""`python -m envc`."""

from envc.cli.main import program

if __name__ == "__main__":
    program()
