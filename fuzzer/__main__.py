"""``python -m fuzzer`` is the command ``hubfuzz``, for where scripts are not on the path."""

from fuzzer.cli import main

if __name__ == "__main__":
    main()
