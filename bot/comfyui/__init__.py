"""A client of ComfyUI that could be published alone: it uses the standard library and aiohttp, nothing else of Chorus.

::

    async with ComfyClient("http://127.0.0.1:8188") as client:
        prompt_id = str(uuid.uuid4())
        with client.track(prompt_id) as tracker:           # before the submission: events may come before its response
            await client.submit(prompt_id, graph)
            async for update in tracker:                   # Queued, Started, NodeStarted, NodeProgress, ...
                ...
            match await tracker.outcome():                 # Succeeded, Failed, Interrupted, Lost
                case Succeeded(files=files):
                    await client.download(files[0], target, max_bytes=50_000_000)

Where to find what:

- `client`: the whole client; `endpoints`: its HTTP part; `options`: timeouts and intervals; `exceptions`: all errors.
- HTTP: `transport`, `availability` (outages of the server), `json_decoding`, `json_values`; one module per answer:
  `system_stats`, `prompt_queue`, `history`, `submission_response`, `node_problems`, `outputs`; `file_transfer`.
- WebSocket: `websocket` (connect, read, reconnect), `websocket_session` (client ids and stale connections),
  `events`, `event_parsing`, `event_router` (which prompt an event belongs to).
- A prompt: `submission`, `prompt_tracker` with `event_accumulator`, `poll_schedule` and `update_buffer`; the values are
  in `execution_updates` and `prompt_state`.
- `cache` (making cached nodes run again) and `progress` (a fraction for a progress bar).

`python -m bot.comfyui URL` shows a server's version, queue and events.

It needs ComfyUI 0.3.45 or later, where the client may choose `prompt_id`, and was made against 0.33.
"""
