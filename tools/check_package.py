"""Build the sdist and the wheel, and check that both carry what an installation needs.

Usage: python tools/check_package.py WORK_DIRECTORY
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

NEEDED = ("twisted/plugins/z4tw_plugin.py", "z4tw/py.typed", "z4tw/plugins/__init__.py")


def main(work: Path) -> int:
    """0 when the distributions are whole and ``twistd --help`` lists ``z4`` from any folder."""
    dist = work / "dist"
    subprocess.run([sys.executable, "-m", "build", "-q", "-o", str(dist), "."], check=True)
    wheel = max(dist.glob("*.whl"))
    sdist = max(dist.glob("*.tar.gz"))
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(sdist) as tar:
        in_sdist = {name.split("/", 1)[-1] for name in tar.getnames()}
    for name in NEEDED:
        for where, names in (("wheel", in_wheel), ("sdist", in_sdist)):
            if name not in names:
                print(f"the {where} lacks {name}")
                return 1
    subprocess.run([sys.executable, "-m", "twine", "check", str(wheel), str(sdist)], check=True)
    environment = work / "venv"
    venv.create(environment, with_pip=True, clear=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", str(wheel)], check=True)
    elsewhere = work / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    shown = subprocess.run(
        [environment / "bin" / "twistd", "--help"],
        cwd=elsewhere,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if not any(line.split()[:1] == ["z4"] for line in shown.splitlines()):
        print("twistd --help does not list z4")
        return 1
    subprocess.run([environment / "bin" / "z4", "version"], cwd=elsewhere, check=True)
    print(f"{wheel.name} and {sdist.name} are whole")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
