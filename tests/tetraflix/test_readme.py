"""The README tells newcomers of every setting and every command."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_setting_is_in_the_readme():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "tetraflix/settings.py").read_text()))
    # credentials are boto3's to find, wherever they are
    told = {name for name in read if f"`{name}`" in README} | {"AWS_ACCESS_KEY_ID"}
    assert read - told == set()


def test_every_command_is_in_the_readme():
    commands = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}
    told = {name for name in commands if re.search(rf"\b{name}\b", README)}
    assert commands - told == set()


def test_every_page_that_the_readme_leads_to_is_there():
    leads_to = [address for address in re.findall(r"\]\(([^)]+)\)", README) if "://" not in address]
    assert [address for address in leads_to if not (ROOT / address).exists()] == []
