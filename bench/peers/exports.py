# Model files of the peer benchmark: the same float32 weights in each peer's own format. Not timed.
"""Each function writes one format into the cache folder, unless it is there, and returns its path.

A file is written beside its final name and renamed, so that a run cut short leaves no half a model.
"""

import hashlib
import json
import math
import pathlib
import shutil

NAMES = ["input_ids", "attention_mask", "token_type_ids"]


def cache_folder(root, model):
    """A folder of its own for each set of weights."""
    digest = hashlib.sha256((pathlib.Path(model) / "model.safetensors").read_bytes()).hexdigest()
    folder = pathlib.Path(root) / digest[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def float32_folder(model, cache):
    """The model folder with every weight in float32; all engines start from it."""
    import torch
    from safetensors.torch import load_file, save_file

    target = cache / "float32"
    if not target.exists():
        work = cache / "float32.part"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(model, work)
        weights = load_file(work / "model.safetensors")
        for name, value in weights.items():
            weights[name] = value.to(torch.float32) if value.is_floating_point() else value
        save_file(weights, work / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((work / "config.json").read_text(encoding="utf-8"))
        config.pop("torch_dtype", None)
        config["dtype"] = "float32"
        (work / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
        work.rename(target)
    return target


def onnx_plain(cache):
    """torch.onnx's export. The attention is written as ONNX Runtime's optimizer looks for it."""
    target = cache / "plain.onnx"
    if target.exists():
        return target
    import torch
    from transformers import AttentionInterface, AutoModelForSequenceClassification

    def divided_attention(module, query, key, value, attention_mask, **_):
        # The same sums as "eager"; the fusion finds a division, not a product, before the mask.
        scores = torch.matmul(query, key.transpose(2, 3)) / math.sqrt(query.shape[-1])
        weights = torch.softmax(scores + attention_mask, -1)
        return torch.matmul(weights, value).transpose(1, 2).contiguous(), None

    class Logits(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask, token_type_ids):
            mask = attention_mask[:, None, None, :].to(torch.float32)
            mask = (1.0 - mask) * torch.finfo(torch.float32).min
            return self.model(
                input_ids=input_ids, attention_mask=mask, token_type_ids=token_type_ids
            ).logits

    AttentionInterface.register("divided", divided_attention)
    model = AutoModelForSequenceClassification.from_pretrained(
        cache / "float32", dtype=torch.float32, attn_implementation="divided"
    ).eval()
    ids = torch.tensor([[101, 2040, 102, 2054, 102], [101, 2054, 102, 102, 0]])
    example = (ids, (ids != 0).long(), torch.tensor([[0, 0, 0, 1, 1], [0, 0, 0, 1, 0]]))
    axes = {name: {0: "batch", 1: "tokens"} for name in NAMES} | {"logits": {0: "batch"}}
    part = cache / "plain.onnx.part"
    torch.onnx.export(
        Logits(model), example, str(part), input_names=NAMES, output_names=["logits"],
        dynamic_axes=axes, opset_version=17, dynamo=False,
    )  # fmt: skip
    return part.rename(target)


def onnx_fused(cache):
    """onnxruntime.transformers.optimizer: attention, GELU, LayerNorm, embedding as a node each."""
    target = cache / "fused.onnx"
    if target.exists():
        return target
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    config = json.loads((cache / "float32" / "config.json").read_text(encoding="utf-8"))
    graph = optimizer.optimize_model(
        str(onnx_plain(cache)), model_type="bert", num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"], opt_level=0, optimization_options=FusionOptions("bert"),
    )  # fmt: skip
    found = graph.get_fused_operator_statistics()["Attention"]
    if found != config["num_hidden_layers"]:
        raise RuntimeError(f"ONNX Runtime's optimizer fused {found} attention layers, not all")
    part = cache / "fused.onnx.part"
    graph.save_model_to_file(str(part))
    return part.rename(target)


def onnx_int8(cache, source):
    """quantize_dynamic with int8 weights a channel, as its page advises for CPUs with VNNI."""
    target = cache / (source.stem + ".int8.onnx")
    if target.exists():
        return target
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    part = cache / (source.stem + ".int8.onnx.part")
    quantize_dynamic(
        str(source), str(part), weight_type=QuantType.QInt8, per_channel=True,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )  # fmt: skip
    return part.rename(target)


def _save_openvino(model, cache, name):
    import openvino

    target = cache / name
    if not target.exists():
        work = cache / (name + ".part")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        # Weights stay float32: compression to float16 is save_model's default.
        openvino.save_model(model(), work / "openvino_model.xml", compress_to_fp16=False)
        work.rename(target)
    return target


def openvino_float32(cache):
    """OpenVINO's own conversion of the ONNX file; a folder with openvino_model.xml."""
    import openvino

    return _save_openvino(lambda: openvino.convert_model(str(onnx_plain(cache))), cache, "openvino")


def openvino_int8(cache, workload, feeds):
    """NNCF post-training quantization, calibrated with texts of the workload that are not timed."""

    def quantize():
        import nncf
        import openvino

        return nncf.quantize(
            openvino.Core().read_model(openvino_float32(cache) / "openvino_model.xml"),
            nncf.Dataset(feeds()),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=300,
        )

    return _save_openvino(quantize, cache, f"openvino-int8-{workload}")


def openvino_genai(cache):
    """The folder that TextRerankPipeline opens: model, configs and a tokenizer for pairs."""
    target = cache / "genai"
    if target.exists():
        return target
    import openvino
    from openvino_tokenizers import convert_tokenizer
    from transformers import AutoTokenizer

    work = cache / "genai.part"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(openvino_float32(cache), work)
    for file in (cache / "float32").glob("*.json"):
        shutil.copy(file, work)
    tokenizer = AutoTokenizer.from_pretrained(cache / "float32")
    converted = convert_tokenizer(tokenizer, number_of_inputs=2)
    openvino.save_model(converted, work / "openvino_tokenizer.xml")
    work.rename(target)
    return target


def build_all(cache, model, workload):
    """Every format, before any engine starts."""
    float32_folder(model, cache)
    for graph in (onnx_plain(cache), onnx_fused(cache)):
        onnx_int8(cache, graph)
    openvino_genai(cache)
    # The engine knows how to make feeds; it is imported here because it imports this file.
    from engines import OpenVino

    engine = OpenVino(cache, 1, "int8", workload)
    engine.load()
    openvino_int8(cache, workload.name, engine.calibration_feeds)
