"""`make bench`: packs, measures, counts, prints the goals and writes docs/performance.md with its plots."""

import argparse
import sys

from bench import counts, measure, packages, report


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the run; its medians are shown")
    parser.add_argument("--no-counts", action="store_true", help="leave callgrind out, which takes minutes")
    chosen = parser.parse_args()
    packed = packages.prepare()
    run = measure.rounds(packed, chosen.rounds)
    counted = {} if chosen.no_counts else _counted(packed)
    folders = {**packed.target, "textbook": packed.textbook}
    sizes = {name: packages.zipped(folder) for name, folder in folders.items()}
    results = report.Results(run, counted, sizes)
    report.write(results)
    sys.stdout.write("\n".join(goal.row() for goal in report.goals(results)) + "\n")


def _counted(packed: packages.Packages) -> dict[str, counts.Count]:
    return {subject.name: counts.count(subject, packed) for subject in measure.receivers(packed)}


main()
