#!/usr/bin/env python3
"""Many requests of different lengths at once under asyncio: a session's streams take them, the event loop stays free.

    examples/python/asyncio_requests.py bert-base --requests 200
"""
import argparse
import asyncio
import random
import time

import numpy as np
import tessera


def random_text(model: tessera.Model, length: int) -> dict[str, np.ndarray]:
    """Token ids as a tokenizer would give them: one text without padding."""
    return model.random_inputs(seq=length, seed=length)


class Server:
    """Answers requests as they come, at most `limit` of them at a time."""

    def __init__(self, session: tessera.Session, limit: int):
        self.session = session
        self.gate = asyncio.Semaphore(limit)
        self.under_way = self.most = 0

    async def answer(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        async with self.gate:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                return await asyncio.wrap_future(self.session.run_async(feeds))
            finally:
                self.under_way -= 1


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a text model: a name, an .onnx file or a Hugging Face folder")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--precision", default="fp32")
    words = parser.parse_args()

    model = tessera.load(words.model)
    session = model.compile(words.precision, threads=1, streams="auto")
    server = Server(session, limit=4 * session.streams)
    texts = [random_text(model, random.randint(4, 64)) for _ in range(words.requests)]
    begin = time.perf_counter()
    await asyncio.gather(*map(server.answer, texts))
    seconds = time.perf_counter() - begin
    print(f"{words.requests} requests in {seconds:.2f} s, {words.requests / seconds:.0f} per second, "
          f"at most {server.most} under way")


if __name__ == "__main__":
    asyncio.run(main())
