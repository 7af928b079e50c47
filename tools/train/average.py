"""Means of weights that began as the same ones; it trains nothing.

    python tools/train/average.py --to build/train/mean.safetensors FILE FILE...

A fine-tuned model and the one it began from, averaged, often rank better than either on texts of
other kinds than both were trained on (Wortsman et al. 2022, arXiv:2109.01903).
"""

import argparse
import pathlib

import bert
import torch
from safetensors.torch import load_file


def mean(files: list[pathlib.Path]) -> dict[str, torch.Tensor]:
    """float32; each file counts the same. Raises SystemExit where names or shapes differ."""
    all_weights = [load_file(file) for file in files]
    shapes = [{name: weight.shape for name, weight in one.items()} for one in all_weights]
    for file, other in zip(files, shapes):
        if other != shapes[0]:
            raise SystemExit(f"{file}: other weights than those of {files[0]}")
    return {
        name: torch.stack([one[name].float() for one in all_weights]).mean(0) for name in shapes[0]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path, help="safetensors")
    parser.add_argument("--to", required=True, type=pathlib.Path)
    options = parser.parse_args()
    bert.save_weights(mean(options.files), options.to)


if __name__ == "__main__":
    main()
