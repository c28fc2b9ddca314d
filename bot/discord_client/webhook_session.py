"""A session for Discord's webhooks that never lets discord.py post a second time by itself."""

from __future__ import annotations

import aiohttp

WebhookSession = aiohttp.ClientSession
"""What cogs, which know no HTTP, call it."""


class UnclearAnswerError(aiohttp.ClientError):
    """A webhook's post had no clear answer. Not an OSError, which discord.py would answer with a second post."""


def webhook_session() -> WebhookSession:
    """Give it to a webhook as its `session`; close it yourself.

    discord.py's `AsyncWebhookAdapter.request` repeats a post after a 5xx and after some resets. A webhook's message has
    no nonce, so a post that was applied and answered 502 would stand there twice. Through this session it fails
    instead, and the caller looks into the channel first.
    """
    return aiohttp.ClientSession(middlewares=(_no_second_post,))


async def _no_second_post(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        response = await send(request)
    except OSError as error:
        if request.method != "POST":
            raise
        raise UnclearAnswerError(str(error)) from error
    if request.method == "POST" and response.status >= 500:
        response.close()
        raise UnclearAnswerError(f"HTTP {response.status}")
    return response
