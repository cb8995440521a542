"""A small pool of threads for an event loop. A caller for whom no thread becomes free in time gets PoolBusy."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class PoolBusy(Exception):
    """No thread became free in time, so the function was not called."""


class ThreadPool:
    """Runs functions in `threads` threads; at most `wait_seconds` pass before one starts."""

    def __init__(self, *, threads: int, wait_seconds: float, name: str) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = asyncio.Semaphore(threads)
        self._wait_seconds = wait_seconds

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """What the function returns or raises. Raises PoolBusy when it was not started."""
        if self._free.locked():
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._free.acquire()
            except TimeoutError:
                raise PoolBusy from None
        else:
            await self._free.acquire()  # at once
        loop = asyncio.get_running_loop()

        def ended(_: "Future[T]") -> None:
            loop.call_soon_threadsafe(self._free.release)

        future = self._executor.submit(function, *args)
        future.add_done_callback(ended)  # of the thread, which goes on when the caller is cancelled
        return await asyncio.wrap_future(future)
