"""What a check costs Prometheus' blackbox_exporter (Debian's package): the measure that our own is held to."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.platform.installation import free_port, until

PROGRAM = "prometheus-blackbox-exporter"
MODULES = "modules: {http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n"


def installed() -> bool:
    """Whether there is one to compare with."""
    return shutil.which(PROGRAM) is not None


@contextmanager
def exporter() -> Iterator[tuple[str, psutil.Process]]:
    """Its address and its process."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        (config := Path(folder) / "blackbox.yml").write_text(MODULES)
        options = [f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        process = subprocess.Popen([PROGRAM, *options])
        try:
            address = f"http://127.0.0.1:{port}"
            until(lambda: answers(address), "blackbox_exporter")
            yield address, psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait()


def answers(address: str) -> bool:
    """Whether it listens."""
    try:
        return httpx.get(f"{address}/metrics", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


async def cpu_a_check(port: int, rate: float, seconds: float) -> float:
    """CPU seconds a check of `http://127.0.0.1:port`, asked as Prometheus asks: evenly, over kept connections."""
    with exporter() as (address, process):
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=10) as http:

            async def check(number: int) -> None:
                target = f"http://127.0.0.1:{port}/health/{number}"
                answer = await http.get("/probe", params={"module": "http_2xx", "target": target})
                assert "\nprobe_success 1\n" in answer.text, answer.text

            loop, count = asyncio.get_running_loop(), int(rate * seconds)
            before, began = process.cpu_times(), loop.time()
            async with asyncio.TaskGroup() as group:
                for number in range(count):
                    await asyncio.sleep(began + number / rate - loop.time())
                    group.create_task(check(number))
            after = process.cpu_times()
            return float(after.user + after.system - before.user - before.system) / count
