"""The README names every setting and every command."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_setting_is_in_the_readme():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "tetraflix/settings.py").read_text()))
    # boto3 finds credentials in many places
    named = {name for name in read if f"`{name}`" in README} | {"AWS_ACCESS_KEY_ID"}
    assert read - named == set()


def test_every_command_is_in_the_readme():
    commands = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}
    named = {name for name in commands if re.search(rf"\b{name}\b", README)}
    assert commands - named == set()


def test_every_page_that_the_readme_links_to_exists():
    links = [address for address in re.findall(r"\]\(([^)]+)\)", README) if "://" not in address]
    assert [address for address in links if not (ROOT / address).exists()] == []
