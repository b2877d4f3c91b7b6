"""Run all benchmarks, or those that are named.

python -m benchmarks [imports] [pipeline] [small] [api] [trickle] [memory] [transfer] [decompress] [convert] [staging]
"""

import subprocess
import sys

ALL = (
    "imports",
    "pipeline",
    "small",
    "api",
    "trickle",
    "memory",
    "transfer",
    "decompress",
    "convert",
    "staging",
)

for name in sys.argv[1:] or ALL:
    if name not in ALL:
        raise SystemExit(f"There is no benchmark {name!r}; there are {', '.join(ALL)}.")
    print(f"== {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
