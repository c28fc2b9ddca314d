"""What `make bench` runs: `python -m bench [NAME ...]`.

A benchmark is a module of this package with two things::

    TITLE = "Voices"

    async def run(report: Report) -> None:
        report.measured("speakable text of 2,000 characters", 3.1, "ms", at_most=10)

Each module runs in a process of its own, one after the other, so that none warms up or disturbs the next. What repeats
is timed by `bench.timing.Sample` or `repeated`; stalls of the event loop by `bench.stalls.watched`, beside a control
loop in another process. Numbers and targets are printed as a table and written to `bench/results/<time>.json`.
"""
