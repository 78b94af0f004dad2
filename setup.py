"""The description of the distribution, which setup.cfg cannot give: README.md with absolute links, since PyPI shows it alone."""

import configparser
import re
from pathlib import Path

import setuptools

HERE = Path(__file__).parent


def description() -> str:
    settings = configparser.ConfigParser()
    settings.read(HERE / "setup.cfg", encoding="utf-8")
    home = settings["metadata"]["url"]
    text = (HERE / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^\]]*\])\((?!https?:|#)([^)]+)\)", rf"\1({home}/raw/main/\2)", text)
    return re.sub(r"(?<!!)(\[[^\]]*\])\((?!https?:|#)([^)]+)\)", rf"\1({home}/blob/main/\2)", text)


setuptools.setup(long_description=description(), long_description_content_type="text/markdown")
