"""`just bench [NAME …]`: every measurement, or those named."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

for name in sys.argv[1:] or sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py")):
    if main := getattr(import_module(f"tests.bench.{name}"), "main", None):
        print(f"\n{name}", flush=True)
        main()
