"""`python -m bench [NAME ...]`: run the benchmarks, print and write their numbers; exit code 1: a target is missed."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import bench
from bench.report import Measure, Report

HERE = Path(__file__).parent


def names() -> list[str]:
    """The modules of this package that are benchmarks."""
    found = [name for _, name, _ in pkgutil.iter_modules(bench.__path__) if not name.startswith("_")]
    return [name for name in found if "async def run(" in (HERE / f"{name}.py").read_text(encoding="utf-8")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run those named, else all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names())}")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(names()):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
    if given.into:
        given.into.write_text(json.dumps(_run_here(given.names[0]).as_json()), encoding="utf-8")
        return 0
    reports: dict[str, Report] = {}
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=160)
    for name in given.names or names():
        reports[name] = _run_apart(name)
        console.print(_table(reports[name]))
        if reports[name].problem:
            console.print(reports[name].problem, markup=False)
    console.print(f"written to {_write(reports)}")
    missed = [measure.name for report in reports.values() for measure in report.measures if measure.met is False]
    console.print(f"missed: {'; '.join(missed)}" if missed else "no target missed", markup=False)
    return 0 if all(report.met for report in reports.values()) else 1


def _run_here(name: str) -> Report:
    module = importlib.import_module(f"bench.{name}")
    report = Report(str(module.TITLE))
    try:
        asyncio.run(module.run(report))
    except Exception:  # noqa: BLE001 - a benchmark that breaks must not hide the others
        report.problem = traceback.format_exc()
    return report


def _run_apart(name: str) -> Report:
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        into = Path(folder) / "report.json"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CHORUS__")}
        done = subprocess.run(
            [sys.executable, "-m", "bench", name, "--into", str(into)], check=False, cwd=HERE.parent, env=environment
        )
        if into.exists():
            return Report.from_json(json.loads(into.read_text(encoding="utf-8")))
        return Report(name, problem=f"{name} ended with exit code {done.returncode} and no numbers")


def _table(report: Report) -> Table:
    table = Table(title=report.title, title_justify="left", title_style="bold", expand=False)
    for heading, justify in (("", "left"), ("measured", "right"), ("target", "right"), ("met", "left"), ("", "left")):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for measure in report.measures:
        target = "" if measure.at_most is None else f"<= {measure.at_most:g} {measure.unit}"
        table.add_row(measure.name, f"{_short(measure)} {measure.unit}", target, _verdict(measure), measure.note)
    return table


def _short(measure: Measure) -> str:
    return f"{measure.value:.3g}" if abs(measure.value) < 1000 else f"{measure.value:.0f}"


def _verdict(measure: Measure) -> str:
    return {None: "", True: "[green]yes[/]", False: "[red]NO[/]"}[measure.met]


def _write(reports: dict[str, Report]) -> Path:
    started = datetime.now(UTC)
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    machine: dict[str, Any] = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }
    content = {
        "time": started.isoformat(timespec="seconds"),
        "machine": machine,
        "benchmarks": {name: report.as_json() for name, report in reports.items()},
    }
    path = folder / f"{started:%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
