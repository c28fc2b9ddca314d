"""A client of ComfyUI that could be published alone: stdlib and aiohttp, nothing else of this house.

::

    async with ComfyClient("http://127.0.0.1:8188") as client:
        prompt_id = str(uuid.uuid4())
        with client.track(prompt_id) as tracking:          # before the submission: events may come before its reply
            await client.submit(prompt_id, graph)
            async for update in tracking:                  # Queued, Started, NodeStarted, Stepped, PreviewFrame, ...
                ...
            match await tracking.outcome():                # Succeeded, Failed, Interrupted, Lost
                case Succeeded(files=files):
                    await client.download(files[0], target, max_bytes=50_000_000)

Rooms: `transport` (HTTP), `submission` (POST /prompt), `replies` (/queue, /history, /system_stats), `outputs` (files of
a run), `transfer` (/view, /upload), `listener` (the WebSocket) with `events` (its messages), `story` (what they add up
to) and `tracking` (one prompt to its end), `cache` (running again), `progress` (a bar), `models`, `exceptions`,
`options`, and `client`, which is all of it. `python -m bot.comfyui URL` looks at a server.

It relies on ComfyUI 0.3.45 or later (`prompt_id` chosen by the client) and was made against 0.33.
"""
