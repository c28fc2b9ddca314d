"""`python -m sandbox.discord [--port N] [--token T]`: the local Discord in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from sandbox.discord.server import SANDBOX_TOKEN, LocalDiscord


async def serve(port: int, token: str) -> None:
    """Serve until interrupted, with one guild, one channel and one member to begin with."""
    async with LocalDiscord(port, token=token, control=True) as local:
        guild = local.add_guild("Sandbox")
        channel, user = guild.add_channel("studio"), guild.add_member("ada")
        lines = (
            "Local Discord: a sandbox on this machine, not Discord.",
            f"  discord.server: {local.url}",
            f"  DISCORD_TOKEN={token}",
            f"  control: {local.url}/control/state (guild {guild.id}, channel {channel.id}, user {user.id})",
        )
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse and serve; Ctrl-C ends it."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.discord", description="A sandbox that speaks Discord.")
    parser.add_argument("--port", type=int, default=8400, help="port on 127.0.0.1; 0 for a free one")
    parser.add_argument("--token", default=SANDBOX_TOKEN, help="the token that the bot must use")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(serve(options.port, options.token))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
