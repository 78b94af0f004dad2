"""docs/lecture.md: its marked regions are rendered from the figures, so that none of them is written by hand."""

import importlib
import re

from tfar.files import write_text

REGION = re.compile(r"(<!-- lecture: (\w+) (\w+) -->\n).*?(<!-- lecture: end -->)", re.DOTALL)


def rendered(text, measured):
    """The page's text with the regions `<!-- lecture: SECTION NAME -->` to `<!-- lecture: end -->` of the sections that are measured.

    Args:
        text: the page.
        measured: the content of lecture.json. The regions of a section that lacks a part stay as they are.

    Raises:
        ValueError: a region is none of its section.
    """

    def region(match):
        begin, section, name, end = match.groups()
        regions = regions_of(section, measured.get(section, {}))
        if regions is None:
            return match[0]
        if name not in regions:
            raise ValueError(f"a region of {section} must be one of {', '.join(regions)}. Received: {name}")
        return f"{begin}{regions[name]}\n{end}"

    return REGION.sub(region, text)


def regions_of(section, found):
    """The regions of a section; None where a part of its figures is missing."""
    try:
        return importlib.import_module(f"slides.{section}").regions(found)
    except KeyError:
        return None


def write(path, measured):
    """Render the regions of a page.

    Raises:
        FileNotFoundError: there is no page.
    """
    old = path.read_text(encoding="utf-8")
    new = rendered(old, measured)
    if new != old:
        write_text(path, new, overwrite=True)
