"""Writes average-pool-16.onnx, a model without weights whose embeddings a test can work out by itself:
the means of the 4 x 4 blocks of each colour plane of a 16 x 16 image, 48 numbers.

    python average_pool.py
"""

from pathlib import Path

from onnx import TensorProto, checker, helper

images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 16, 16])
embeddings = helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", 48])
nodes = [
    helper.make_node("AveragePool", ["images"], ["means"], kernel_shape=[4, 4], strides=[4, 4]),
    helper.make_node("Flatten", ["means"], ["embeddings"]),
]
graph = helper.make_graph(nodes, "average_pool", [images], [embeddings])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model)
Path(__file__).with_name("average-pool-16.onnx").write_bytes(model.SerializeToString())
