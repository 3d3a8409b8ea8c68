"""Append answers to a journal and confirm each on stdout, until the process is killed."""

import sys
from pathlib import Path

from pedecg.review_app.journal import Entry, Journal

if __name__ == "__main__":
    journal = Journal(Path(sys.argv[1]))
    number = 0
    while True:
        number += 1
        answer = {"chd": "present"}
        entry = Entry(
            0, "2026-01-01T00:00:00Z", "answer", "Anna", f"r{number}", "chd", answers=answer,
            reason="x" * 2000,
        )  # fmt: skip
        print(journal.append(entry).id, flush=True)
