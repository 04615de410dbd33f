"""Writes ``doc/settings.inc``, the reference of all settings, from the table in the code.

python tools/settings_table.py            # write it
python tools/settings_table.py --check    # exit status 1 when it is not current
"""

from __future__ import annotations

import sys
from pathlib import Path

from z4tw.config import SETTINGS, Setting

TARGET = Path(__file__).parents[1] / "doc" / "settings.inc"
HEAD = ".. Made by tools/settings_table.py from z4tw/config/table.py.\n"


def entry(setting: Setting) -> str:
    """One setting as an item of a definition list."""
    names = [f"--{name}" for name in (setting.name, *setting.aliases)]
    shown = ", ".join(f"``{name} {setting.metavar}``".replace(" ``", "``") for name in names)
    text = setting.help
    if not text.split()[0].endswith(":"):  # A value is quoted as it is written.
        text = text[0].upper() + text[1:]
    lines = [text if text.endswith(".") else f"{text}."]
    facts = [f"Variable ``{setting.variable}``"]
    if setting.switch:
        facts.append("off by default")
    elif setting.default is not None:
        facts.append(f"default ``{setting.default}``")
        if setting.dev_default is not None:
            facts[-1] += f" (``z4 dev``: ``{setting.dev_default}``)"
    if setting.repeatable:
        facts.append("a list in TOML, separated by commas in the variable")
    if setting.live:
        facts.append("taken over on SIGHUP")
    if setting.fixed and "fixed" not in setting.help:
        facts.append("fixed when the store is made")
    lines.append("; ".join(facts) + ".")
    return shown + "\n" + "".join(f"    {line}\n" for line in lines)


def page() -> str:
    """The whole file."""
    return "\n".join([HEAD, *map(entry, SETTINGS)])


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    text = page()
    if arguments == ["--check"]:
        current = TARGET.exists() and TARGET.read_text("utf-8") == text
        if not current:
            print(f"{TARGET} is not current: run python tools/settings_table.py", file=sys.stderr)
        return 0 if current else 1
    TARGET.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
