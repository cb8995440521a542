"""docs/settings.md names every setting that settings.py reads, with its default, and no other."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = re.compile(r"^\| (`[^|]+`) \|([^|]*)\|", re.MULTILINE)
# boto3 finds Amazon's variables by itself; the page names them in one sentence.
AMAZONS = {"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION"}

# Without these the embedded servers serve: their addresses come from the running stack.
COMPUTED = {"TETRAFLIX_VAR", "DATABASE_URL", "SECRET_KEY", "AWS_ENDPOINT_URL_SQS", "AWS_REGION"}


def read_by_settings() -> dict[str, object]:
    """Each variable of settings.py with its default; None where settings.py computes it."""
    found: dict[str, object] = {}
    for node in ast.walk(ast.parse((ROOT / "tetraflix/settings.py").read_text())):
        if not (
            isinstance(node, ast.Call) and ast.unparse(node.func).startswith("env.") and len(node.args) > 1
        ):
            continue
        name = ast.literal_eval(node.args[0])
        try:
            default = eval(compile(ast.Expression(node.args[1]), "default", "eval"), {"__builtins__": {}})  # noqa: S307
        except NameError:
            default = None
        if name not in found or default not in ("", None):
            found[name] = default
    return {name: default for name, default in found.items() if name.isupper() and name not in AMAZONS}


def documented() -> dict[str, str]:
    rows = TABLE.findall((ROOT / "docs/settings.md").read_text())
    return {name: default.strip() for names, default in rows for name in re.findall(r"`([A-Z_]+)`", names)}


def written(default: object) -> str:
    """A default as the page writes it."""
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, list):
        return f"`{','.join(default)}`" if default else ""
    if isinstance(default, int | float):
        return f"{default:g}" if default < 1_000_000 else str(default)
    return f"`{default}`" if default else ""


def test_every_setting_is_on_the_page_and_no_other() -> None:
    assert set(documented()) == set(read_by_settings())


def test_the_defaults_on_the_page_are_those_of_the_code() -> None:
    said = documented()
    plain = {name: default for name, default in read_by_settings().items() if name not in COMPUTED}
    assert {name: said[name] for name in plain} == {name: written(default) for name, default in plain.items()}
