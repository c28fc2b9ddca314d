"""`python -m soak [--minutes 4] [--seed N]`: run, report; exit code 1: something was lost, doubled or left over."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench._house import CHARACTER, System, give_voice, open_system, picture
from sandbox.discord import Limits
from soak.account import Account, take_account, until_quiet
from soak.bot_process import BotProcess
from soak.faults import FaultRunner, FaultTarget, fault_names, small_disk
from soak.people import People
from soak.plan import planned_deeds, planned_faults

QUIET_SECONDS = 600.0
"""After the last fault everything must be done in this time."""
SETTINGS: dict[str, Any] = {
    "discord": {"progress_interval_seconds": 0.3},
    "conversation": {"edit_interval_seconds": 0.2},
    "comfyui": {"timeout_seconds": 20, "video_timeout_seconds": 20, "connection_retry_backoff": 0.1},
    "llm": {"timeout_seconds": 5},
    "logging": {"level": "INFO"},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run once and print the report."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=4.0, help="how long faults come; 4 if left out")
    parser.add_argument("--seed", type=int, help="repeats the plan of a run, which prints it")
    parser.add_argument("--only", action="append", metavar="FAULT", help="only this fault; may be repeated")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="copy the bot's folder here at the end")
    given = parser.parse_args(arguments)
    # The bot breaks connections, too: the stand-ins need not say so.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"seed {seed}, {given.minutes:g} minutes", flush=True)
    return 0 if asyncio.run(soak(seed, given.minutes * 60, only=given.only, keep=given.keep)) else 1


async def soak(seed: int, seconds: float, *, only: Sequence[str] | None = None, keep: Path | None = None) -> bool:
    """One run; whether nothing was lost, doubled or left over."""
    graph = picture(side=64, steps=3)
    async with open_system(
        {"default": graph}, token_seconds=0.01, step_seconds=0.02, limits=Limits(callback_seconds=60), **SETTINGS
    ) as system:
        _write_workflows(system)
        with small_disk(system.folder / "data") as own_disk:
            names = [name for name in fault_names(own_disk=own_disk) if not only or name in only]
            bot = BotProcess(system, system.folder / "output.txt")
            try:
                return await _run(FaultTarget(system, bot, own_disk), seed, seconds, names)
            finally:
                await bot.kill()
                if keep is not None:
                    await asyncio.to_thread(shutil.copytree, system.folder, keep, dirs_exist_ok=True)


async def _run(target: FaultTarget, seed: int, seconds: float, names: Sequence[str]) -> bool:
    bot, people = target.bot, People(target.system)
    await bot.start()
    await bot.ready()
    await people.move_in()
    watching = asyncio.create_task(bot.watch(), name="watch the bot")
    faults = FaultRunner(target)
    loop = asyncio.get_running_loop()
    started = loop.time()
    doing = asyncio.create_task(people.until(planned_deeds(seed, seconds), started), name="people")
    for planned in planned_faults(seed, seconds, names) if names else ():
        await asyncio.sleep(max(0.0, started + planned.at - loop.time()))
        faults.begin(planned)
    await doing
    await faults.end()
    ended = time.monotonic()
    await bot.ready()
    # Whoever is there afterwards must be served as if nothing had been.
    quiet = await until_quiet(target.data_dir / "chorus.db", QUIET_SECONDS)
    settled = time.monotonic() - ended
    watching.cancel()
    code = await bot.stop()
    account = await asyncio.to_thread(take_account, people, target.data_dir)
    problems = [str(violation) for violation in target.system.discord.violations]
    _report(account, bot, people, faults)
    print(f"quiet after {settled:.1f} s" if quiet else f"NOT QUIET after {settled:.0f} s")
    for problem in problems[:20]:
        print(f"violation: {problem}")
    print(f"the bot ended with code {code}; by itself it ended with {bot.ends or 'nothing'}")
    return account.good and quiet and code == 0 and not bot.ends and not problems


def _report(account: Account, bot: BotProcess, people: People, faults: FaultRunner) -> None:
    print("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(faults.counts.items())))
    print(
        f"accepted {account.accepted}, delivered {account.delivered}, explained {account.explained}, "
        f"refused {dict(people.refused)}, unanswered {people.unanswered}, said {people.said}"
    )
    print(
        f"lost {len(account.lost)}, doubled {len(account.doubled)}, orphan files {len(account.orphan_files)}, "
        f"orphan rows {len(account.orphan_rows)}, database {account.damage or 'sound'}"
    )
    entries = {
        "lost": account.lost,
        "doubled": account.doubled,
        "orphan file": account.orphan_files,
        "orphan row": account.orphan_rows,
    }
    for name, described in entries.items():
        for entry in described[:20]:
            print(f"  {name}: {entry}")
    print(
        f"lives {len(bot.memory_mb)}, kills {bot.kills}, memory at most {max(bot.memory_mb):.0f} MB, "
        f"in the last life {bot.memory_mb[-1]:.0f} MB, open files at most {max(bot.open_files)}"
    )


def _write_workflows(system: System) -> None:
    give_voice(system)
    # She also draws: when she is asked to, and by herself.
    nova = system.folder / "characters" / "nova.yaml"
    nova.write_text(f"{CHARACTER}voice: {{always_on: true}}\n", encoding="utf-8")
    video = system.folder / "workflows" / "nova" / "video"
    video.mkdir(parents=True)
    shared = Path(__file__).parents[1] / "workflows" / "_shared" / "video" / "default.json"
    graph = json.loads(shared.read_text(encoding="utf-8"))
    graph["4"]["inputs"].update(width=64, height=64, batch_size=2)
    graph["5"]["inputs"]["steps"] = 2
    (video / "default.json").write_text(json.dumps(graph), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
