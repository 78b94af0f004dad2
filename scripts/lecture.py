"""Measure and draw what docs/lecture.md shows, and write it into the page.

    python scripts/lecture.py [SECTION ...] [--train] [--again] [--time]

Without a section all of them run, in the page's order. Figures go to results/lecture.json and pictures to docs/pictures/lecture-*.png; then
the page's marked regions are rendered from the figures. A part that is measured already is not measured again, unless --again. Models come
from saved_models, and figures of recipes from results. The small models that sections train themselves have their figures in
results/lecture-trainings.json; --train trains those that are not there. --time keeps the seconds that each section takes, for the page's
first lines. TFDS_DATA_DIR names the folder of prepared data sets.

    chain      the chain rule, by hand
    logistic   logistic autoregressive network, FVSBN
    nade       one network for each dimension, and NADE
    deepnade   many orders
    nadek      iterated inference
    rnade      real values
    made       masked autoencoder
    rnn        recurrent networks
    pixels     PixelRNN and PixelCNN
    colour     colour patches of photographs
    claims     what is said of all of them, measured
    render     the page alone
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

SECTIONS = ("chain", "logistic", "nade", "deepnade", "nadek", "rnade", "made", "rnn", "pixels", "colour", "claims")
ROOT = Path(__file__).resolve().parent.parent


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}, or render")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="folder of the figures (default: results)")
    parser.add_argument("--pictures", type=Path, default=ROOT / "docs" / "pictures", help="folder of the pictures (default: docs/pictures)")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "lecture.md", help="the page (default: docs/lecture.md)")
    parser.add_argument("--train", action="store_true", help="train the small models of the sections that were not trained yet")
    parser.add_argument("--again", action="store_true", help="measure again what is measured already; nothing is trained again")
    parser.add_argument("--time", action="store_true", help="keep the processor time of each section, all threads together")
    args = parser.parse_args(words)
    unknown = sorted(set(args.sections) - {*SECTIONS, "render"})
    if unknown:
        parser.error(f"SECTION must be one of {', '.join(SECTIONS)}, render. Received: {', '.join(unknown)}")
    from slides import page, protocol  # TensorFlow takes seconds: a wrong word is refused before

    lecture = protocol.Lecture(args.results, args.pictures, args.train)
    try:
        for name in args.sections or SECTIONS:
            if name == "render":
                continue
            began = time.process_time()
            if args.again:
                lecture.forget(name)
            importlib.import_module(f"slides.{name}").run(lecture)
            if args.time:
                lecture.took(name, "measured" if args.again else "drawn", time.process_time() - began)
        page.write(args.page, lecture.measured.read())
    except (ValueError, OSError, ImportError) as error:
        print(f"lecture: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
