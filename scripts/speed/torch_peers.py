"""The tasks of `scripts/benchmark.py calls` in PyTorch, as its users write them: models of the papers' equations, eager calls.

The peer of RNADE is the masked network of nflows with as many units and components. It runs in the environment of `peers.sh`:
`python torch_peers.py REPEATS TASK ...` prints a JSON object of milliseconds.
"""

import json
import statistics
import sys
import time

import torch
from nflows.nn.nde import MixtureOfGaussiansMADE
from torch import nn

functional = nn.functional


class Masked(nn.Linear):
    """A linear layer whose weights are multiplied by a mask in each call (Germain et al. 2015)."""

    def __init__(self, inputs, outputs, strict):
        super().__init__(len(inputs), len(outputs))
        mask = outputs[:, None] > inputs[None] if strict else outputs[:, None] >= inputs[None]
        self.register_buffer("mask", mask.float())

    def forward(self, x):
        return functional.linear(x, self.weight * self.mask, self.bias)


class MADE(nn.Module):
    def __init__(self, size, units):
        super().__init__()
        degrees, hidden = torch.arange(1, size + 1), torch.arange(units) * (size - 1) // units + 1
        self.layers = nn.Sequential(Masked(degrees, hidden, False), nn.ReLU(), Masked(hidden, degrees, True))

    def log_prob(self, x):
        return -functional.binary_cross_entropy_with_logits(self.layers(x), x, reduction="none").sum(1)

    def sample(self, count, size=784):
        x = torch.zeros(count, size)
        for d in range(size):
            x[:, d] = torch.bernoulli(torch.sigmoid(self.layers(x)[:, d]))
        return x


class NADE(nn.Module):
    """Larochelle and Murray 2011, a loop over the dimensions."""

    def __init__(self, size, units):
        super().__init__()
        self.w, self.v = (nn.Parameter(0.01 * torch.randn(size, units)) for _ in range(2))
        self.b, self.c = nn.Parameter(torch.zeros(size)), nn.Parameter(torch.zeros(units))

    def log_prob(self, x):
        a, logits = self.c.expand(len(x), -1), []
        for d in range(x.shape[1]):
            logits.append(torch.sigmoid(a) @ self.v[d] + self.b[d])
            a = a + x[:, d : d + 1] * self.w[d]
        return -functional.binary_cross_entropy_with_logits(torch.stack(logits, 1), x, reduction="none").sum(1)

    def sample(self, count):
        a, values = self.c.expand(count, -1), []
        for d in range(len(self.w)):
            values.append(torch.bernoulli(torch.sigmoid(torch.sigmoid(a) @ self.v[d] + self.b[d])))
            a = a + values[-1][:, None] * self.w[d]
        return torch.stack(values, 1)


class MaskedConv(nn.Conv2d):
    def __init__(self, kind, *args, **options):
        super().__init__(*args, **options)
        mask = torch.ones_like(self.weight)
        half = self.kernel_size[0] // 2
        mask[:, :, half, half + (kind == "B") :] = 0
        mask[:, :, half + 1 :] = 0
        self.register_buffer("mask", mask)

    def forward(self, x):
        return self._conv_forward(x, self.weight * self.mask, self.bias)


class PixelCNN(nn.Module):
    """Van den Oord et al. 2016, table 1, with the sizes that `tfar.PixelCNN` has by default."""

    def __init__(self, blocks, filters, head):
        super().__init__()
        self.first = MaskedConv("A", 1, 2 * filters, 7, padding=3)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                nn.Conv2d(2 * filters, filters, 1),
                nn.ReLU(),
                MaskedConv("B", filters, filters, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(filters, 2 * filters, 1),
            )
            for _ in range(blocks)
        )
        self.last = nn.Sequential(
            nn.ReLU(), nn.Conv2d(2 * filters, head, 1), nn.ReLU(), nn.Conv2d(head, head, 1), nn.ReLU(), nn.Conv2d(head, 1, 1)
        )

    def logits(self, x):
        h = self.first(x)
        for block in self.blocks:
            h = h + block(h)
        return self.last(h)

    def log_prob(self, x):
        return -functional.binary_cross_entropy_with_logits(self.logits(x), x, reduction="none").sum((1, 2, 3))


class Text(nn.Module):
    def __init__(self, symbols=65, units=512, layers=3):
        super().__init__()
        self.lstm, self.last, self.symbols = nn.LSTM(symbols, units, layers, batch_first=True), nn.Linear(units, symbols), symbols

    def loss(self, codes):
        h, _ = self.lstm(functional.one_hot(codes[:, :-1], self.symbols).float())
        return functional.cross_entropy(self.last(h).flatten(0, 1), codes[:, 1:].flatten())


def rnade():
    """A masked network of one hidden layer with a mixture of 10 normals for each of 11 dimensions."""
    return MixtureOfGaussiansMADE(11, 50, num_blocks=1, num_mixture_components=10, use_residual_blocks=False)


def step(model, loss, x):
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def run():
        optimizer.zero_grad(set_to_none=True)
        value = loss(x)
        value.backward()
        optimizer.step()
        return float(value.detach())

    return run


def tasks():
    """name -> a function that returns what is called."""

    def rows(count, *shape):
        return torch.randint(0, 2, (count, *shape)).float()

    def scored(model, x):
        def run():
            with torch.no_grad():
                return model.log_prob(x).numpy()

        return run

    def drawn(model):
        def run():
            with torch.no_grad():
                return model.sample(1).numpy()

        return run

    def trained(units, batch):
        model = MADE(784, units)
        return step(model, lambda x: -model.log_prob(x).mean(), rows(batch, 784))

    def nade_step():
        model = NADE(784, 500)
        return step(model, lambda x: -model.log_prob(x).mean(), rows(64, 784))

    def rnade_step():
        model = rnade()
        return step(model, lambda x: -model.log_prob(x).mean(), torch.randn(64, 11))

    def text_step():
        model = Text()
        return step(model, model.loss, torch.randint(0, 65, (16, 65)))

    return {
        "log_prob, MADE 784-500-784, batch 1": lambda: scored(MADE(784, 500), rows(1, 784)),
        "log_prob, MADE 784-500-784, batch 64": lambda: scored(MADE(784, 500), rows(64, 784)),
        "log_prob, NADE 784-500, batch 1": lambda: scored(NADE(784, 500), rows(1, 784)),
        "log_prob, PixelCNN 28x28, batch 1": lambda: scored(PixelCNN(15, 16, 32), rows(1, 1, 28, 28)),
        "log_prob, RNADE 11-50, batch 1": lambda: scored(rnade(), torch.randn(1, 11)),
        "log_prob, RNADE 11-50, batch 10000": lambda: scored(rnade(), torch.randn(10_000, 11)),
        "sample, MADE 784-500-784, batch 1": lambda: drawn(MADE(784, 500)),
        "sample, NADE 784-500, batch 1": lambda: drawn(NADE(784, 500)),
        "step, MADE 784-500-784, batch 64": lambda: trained(500, 64),
        "step, MADE 784-8000-784, batch 64": lambda: trained(8000, 64),
        "step, MADE 784-8000-784, batch 512": lambda: trained(8000, 512),
        "step, NADE 784-500, batch 64": nade_step,
        "step, RNADE 11-50, batch 64": rnade_step,
        "step, CharRNN 3 x 512, batch 16, 64 symbols": text_step,
    }


def median(call, repeats, seconds=8.0):
    """The median time of a call in milliseconds, after a first one."""
    call()
    found, began = [], time.perf_counter()
    while not found or (len(found) < repeats and time.perf_counter() - began < seconds):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return 1e3 * statistics.median(found)


def main():
    repeats, names = int(sys.argv[1]), sys.argv[2:]
    rows = {name: round(median(make(), repeats), 3) for name, make in tasks().items() if name in names}
    print(json.dumps({"torch": torch.__version__, "rows": rows}))


if __name__ == "__main__":
    main()
