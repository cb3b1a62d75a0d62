"""What `linecam networks` says, before a network is trained or converted."""

import pytest
import torch
from torch import nn

from linecam.boards import network_costs
from linecam.boards.cost import instructions
from linecam.boards.network_costs import arena_estimate, cost_table, graph_of
from linecam.errors import UserError
from linecam.networks.architectures import ARCHITECTURES, Residual
from linecam.networks.models import size_of
from tests.boards.test_cost import SWIFT7_112

# What the converted files need in TFLM on a PC, in bytes.
ARENAS = {"swift7-64": 27_856, "swift7-112": 70_096, "swift9-96": 63_440, "resnet9-64": 109_360}


def test_swift7_has_the_operators_of_its_file() -> None:
    graph = graph_of("swift7-112", 3)
    assert [
        (
            operator.name,
            operator.inputs[0].shape,
            operator.inputs[1].shape if operator.inputs[1:] and operator.inputs[1].constant else None,
            operator.outputs[0].shape,
        )
        for operator in graph.operators
    ] == [row[:-1] for row in SWIFT7_112]
    assert instructions(graph) == pytest.approx(25.1e6, rel=0.005)
    assert (graph.inputs[0].shape, graph.outputs[0].shape) == ((1, 112, 112, 3), (1, 3))


def test_the_tutorials_network_has_what_tflite_cannot_fold() -> None:
    """A norm of the input, and padding that isn't TensorFlow's SAME: its converted file has them in these places."""
    graph = graph_of("resnet9-64", 3)
    names = [operator.name for operator in graph.operators]
    assert [number for number, name in enumerate(names) if name == "PAD"] == [6, 11, 16]
    assert (names[:3], names[-3:]) == (["MUL", "ADD", "CONV_2D"], ["MEAN", "FULLY_CONNECTED", "SOFTMAX"])
    assert (len(names), graph.peak) == (25, (98_304, 4))
    # 57.6 million were measured of the tutorial's own, as converted from Keras.
    assert instructions(graph) == pytest.approx(57.6e6, rel=0.01)


@pytest.mark.parametrize("network", ["swift7-64", "swift7-97", "swift9-96", "wide7-64", "resnet9-64"])
def test_operators_multiply_as_the_layers_do(network: str) -> None:
    graph, size = graph_of(network, 5), size_of(network, 5)
    assert graph.macs == size.macs
    weights = sum(t.elements for o in graph.operators if o.macs for t in o.inputs if t.constant)
    assert weights == size.parameters


@pytest.mark.parametrize(("network", "arena"), ARENAS.items())
def test_the_arena_is_about_what_tflm_takes(network: str, arena: int) -> None:
    assert arena_estimate(graph_of(network, 3)) == pytest.approx(arena, rel=0.025)


def test_an_identity_shortcut_stays_in_memory_until_it_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "same", Residual(32, (32,), (1,)))
    graph = graph_of("same-8", 2)
    assert [operator.name for operator in graph.operators[:4]] == ["CONV_2D", "CONV_2D", "CONV_2D", "ADD"]
    # The stem's output, that of the first convolution and that of the second.
    assert graph.peak == (3 * 4 * 4 * 32, 2)
    assert graph.operators[3].inputs[0] is graph.operators[2].outputs[0]
    assert graph.operators[3].inputs[1] is graph.operators[0].outputs[0]


class Odd(nn.Module):
    """Depthwise, a norm after a pooling, and pooling by means; or what no operator is known for."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 1),
            nn.Conv2d(4, 4, 3, padding=1, groups=4),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.BatchNorm2d(4),
            last,
            nn.Flatten(),
            nn.Linear(4, 2),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.layers(images)
        return output


def test_other_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_costs, "Classifier", lambda *_: Odd(nn.MaxPool2d(4)))
    operators = graph_of("swift7-8", 2).operators
    assert [operator.name for operator in operators] == [
        "CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MUL", "ADD", "MAX_POOL_2D", "FULLY_CONNECTED", "SOFTMAX",
    ]  # fmt: skip
    assert operators[1].inputs[1].shape == (1, 3, 3, 4)
    assert operators[1].macs == 8 * 8 * 4 * 9


@pytest.mark.parametrize(
    ("last", "message"), [(nn.Upsample(scale_factor=2), "upsample"), (nn.Conv2d(4, 4, 3, groups=2), "groups")]
)
def test_a_layer_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch, last: nn.Module, message: str) -> None:
    monkeypatch.setattr(network_costs, "Classifier", lambda *_: Odd(last))
    with pytest.raises(NotImplementedError, match=message):
        graph_of("swift7-8", 2)


def test_a_network_that_is_none() -> None:
    with pytest.raises(UserError, match="no network 'swift8-64'"):
        graph_of("swift8-64", 3)


def test_the_table_has_each_network_at_each_size() -> None:
    head, *rows = cost_table().splitlines()
    assert [row.split()[0] for row in rows] == [f"{a}-{s}" for a in ARCHITECTURES for s in (64, 96, 112, 128)]
    assert {len(line) for line in (head, *rows)} == {len(head)}
