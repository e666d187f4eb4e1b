"""`make bench`: packs, measures, counts, prints the goals and writes docs/performance.md with its plots."""

import argparse
import sys

from bench import counts, measure, packages, report


def main() -> None:
    """Run all steps."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the run; its medians are shown")
    parser.add_argument("--no-counts", action="store_true", help="leave callgrind out, which takes minutes")
    chosen = parser.parse_args()
    built = packages.prepare()
    run = measure.rounds(built, chosen.rounds)
    subjects = [] if chosen.no_counts else measure.receivers(built)
    counted = {subject.name: counts.count(subject, built) for subject in subjects}
    folders = {**built.target, "textbook": built.textbook}
    sizes = {name: packages.zipped(folder) for name, folder in folders.items()}
    results = report.Results(run, counted, sizes)
    report.write(results)
    sys.stdout.write("\n".join(goal.row() for goal in report.goals(results)) + "\n")


main()
