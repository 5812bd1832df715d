"""Analyse recordings inside an asyncio program: several at once, with progress, and given up when it takes too long.

    python examples/asyncio_analyses.py samples/genuine_voice.flac samples/synthetic_voice.flac

Each analysis runs in a thread, so that the event loop goes on. Threads share one interpreter: for more throughput than
two or three give, use processes (`inperson.batch`, or the queue in ``examples/celery_tasks.py``).
"""

from __future__ import annotations

import asyncio
import sys
import threading

import inperson


async def analyze(path: str, timeout: float, at_once: asyncio.Semaphore) -> inperson.Report:
    """One recording; cancelling this task, or the timeout, ends its thread too."""
    stop = threading.Event()
    loop = asyncio.get_running_loop()

    def progress(read: float, duration: float | None) -> None:  # called in the thread
        loop.call_soon_threadsafe(print, f"{path}: read {read:.1f} s of {duration or 0:.1f} s")

    async with at_once:
        work = asyncio.to_thread(
            inperson.analyze, path, signals=["synthetic_voice"], progress=progress, cancel=stop.is_set
        )
        task = asyncio.ensure_future(work)
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(task)
        finally:
            stop.set()
            await asyncio.wait([task])  # the thread has ended before this does


async def main(paths: list[str], timeout: float = 600.0) -> None:
    at_once = asyncio.Semaphore(2)
    works = (analyze(path, timeout, at_once) for path in paths)
    for path, found in zip(paths, await asyncio.gather(*works, return_exceptions=True), strict=True):
        if isinstance(found, (TimeoutError, inperson.InpersonError)):
            print(f"{path}: {type(found).__name__} {found}")
        elif isinstance(found, BaseException):
            raise found
        else:
            print(f"{path}: {found.finding('synthetic_voice').status}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
