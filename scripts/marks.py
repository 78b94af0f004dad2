"""The part of a page that a script writes: what stands between two marks."""


def rewritten(text, name, content):
    r"""The text of a page with other content between the marks `<!-- NAME begins -->` and `<!-- NAME ends -->`.

    Raises:
        ValueError: the page does not hold each mark once.

    >>> rewritten("a\n<!-- table begins -->\nold\n<!-- table ends -->\nb", "table", "new")
    'a\n<!-- table begins -->\nnew\n<!-- table ends -->\nb'
    """
    begin, end = f"<!-- {name} begins -->", f"<!-- {name} ends -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"a page must hold {begin!r} and {end!r} once each. Received: a page of {len(text):,} characters without them")
    return f"{text.split(begin)[0]}{begin}\n{content}\n{end}{text.split(end)[1]}"
