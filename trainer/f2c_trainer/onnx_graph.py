"""Writes a network as ONNX, layer by layer.

The networks here are made of a few kinds of layers, so this is done in a second where a general exporter takes many,
and equal weights give equal bytes. That both compute the same is checked at every export.
"""

from __future__ import annotations

import operator
from typing import Any, cast

import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, fx, nn

_OPSET, _IR_VERSION = 20, 10


def to_onnx(network: nn.Module, image_size: int, embedding_size: int) -> onnx.ModelProto:
    """`images` [batch, 3, S, S] -> `embeddings` [batch, E], both float32; the network as it is in eval mode."""
    traced = fx.symbolic_trace(network)
    graph = _Graph()
    for node in traced.graph.nodes:
        inputs = [argument.name for argument in node.all_input_nodes]
        if node.op == "call_module":
            layer = traced.get_submodule(node.target)
            if isinstance(layer, nn.Identity):
                node.replace_all_uses_with(node.all_input_nodes[0])
            else:
                graph.layer(node.name, inputs, node.target, layer)
        elif node.op == "call_function" and node.target is operator.add:
            graph.add("Add", inputs, node.name)
        elif node.op == "output":
            graph.add("Identity", inputs, "embeddings")
        elif node.op != "placeholder":
            raise NotImplementedError(f"no ONNX for {node.format_node()}")
    images = helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["batch", 3, image_size, image_size])
    embeddings = helper.make_tensor_value_info("embeddings", onnx.TensorProto.FLOAT, ["batch", embedding_size])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "f2c", [images], [embeddings], graph.weights),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="f2c",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    def weight(self, name: str, tensor: Tensor | None) -> str:
        array = cast(Tensor, tensor).detach().to("cpu", torch.float32).contiguous().numpy()
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def layer(self, output: str, inputs: list[str], name: str, layer: nn.Module) -> None:
        match layer:
            case nn.Conv2d(bias=None):
                self.add(
                    "Conv",
                    [*inputs, self.weight(f"{name}.weight", layer.weight)],
                    output,
                    strides=layer.stride,
                    pads=2 * cast(tuple[int, int], layer.padding),
                    group=layer.groups,
                )
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                parts = {
                    "weight": layer.weight,
                    "bias": layer.bias,
                    "running_mean": layer.running_mean,
                    "running_var": layer.running_var,
                }
                weights = [self.weight(f"{name}.{part}", tensor) for part, tensor in parts.items()]
                self.add("BatchNormalization", [*inputs, *weights], output, epsilon=layer.eps)
            case nn.PReLU():
                self.add("PRelu", [*inputs, self.weight(f"{name}.weight", layer.weight[:, None, None])], output)
            case nn.Flatten():
                self.add("Flatten", inputs, output)
            case nn.Linear():
                weights = [self.weight(f"{name}.{part}", tensor) for part, tensor in layer.named_parameters()]
                self.add("Gemm", [*inputs, *weights], output, transB=1)
            case _:
                raise NotImplementedError(f"no ONNX for {layer}")
