"""The noise: published vectors, and what samplers rely on."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from support.chi_square import assert_frequencies

from tfar import noise

# Random123's known answers for threefry2x32, 20 rounds: key, counter, result (Salmon et al. 2011, kat_vectors).
PUBLISHED = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("key, counter, expected", PUBLISHED)
def test_threefry_gives_the_published_numbers(key, counter, expected, jit):
    words = [tf.constant(w, tf.uint32) for w in (*key, *counter)]
    run = tf.function(lambda a, b, c, d: noise.threefry((a, b), (c, d)), jit_compile=jit)
    assert tuple(int(w) for w in run(*words)) == expected


def test_uniform_is_uniform_open_and_prefix_stable():
    seeds = noise.row_seeds(noise.as_seed(1), 2000)
    u = noise.uniform(seeds, 101).numpy()
    assert u.dtype == np.float32 and u.min() > 0 and u.max() < 1
    np.testing.assert_array_equal(noise.uniform(seeds[:7], 50), u[:7, :50])
    counts = np.bincount((u.ravel() * 100).astype(int), minlength=100)
    assert_frequencies(counts, np.full(100, u.size / 100))
    correlation = np.corrcoef(u[:, 0], u[:, 1])[0, 1], np.corrcoef(u[:-1, 0], u[1:, 0])[0, 1]
    assert np.abs(correlation).max() < 4.1 / 2000**0.5  # 4.1 deviations: false alarm 8e-5 for both together


def test_streams_rows_and_seeds_differ():
    seeds = noise.row_seeds(noise.as_seed(1), 50)
    assert len(np.unique(seeds.numpy(), axis=0)) == 50
    np.testing.assert_array_equal(noise.row_seeds(noise.as_seed(1), 20), seeds[:20])
    streams = [noise.uniform(seeds, 8, stream).numpy() for stream in (noise.VALUES, noise.ROWS, noise.MEMBERS)]
    assert all((a != b).all() for a, b in itertools.combinations(streams, 2))


@pytest.mark.parametrize("seed", [3, np.int64(3), [3, 0], np.array([3, 0]), tf.constant([3, 0])])
def test_seeds_of_every_form_are_one_seed(seed):
    np.testing.assert_array_equal(noise.as_seed(seed), [3, 0])


def test_a_large_integer_keeps_all_its_bits():
    assert noise.as_seed(2**40 + 5).numpy().tolist() == [5, 256]
    assert noise.as_seed(-1).numpy().tolist() == [-1, -1]


def test_no_seed_is_a_fresh_one_that_the_global_seed_repeats():
    draws = []
    for _ in range(2):
        tf.random.set_seed(4)
        draws.append([noise.as_seed(None).numpy().tolist() for _ in range(2)])
    assert draws[0] == draws[1] and draws[0][0] != draws[0][1]


@pytest.mark.parametrize(
    "seed", [1.5, "1", [1, 2, 3], [1.0, 2.0], [2**40, 0], tf.constant([1, 2], tf.int64), tf.zeros([2, 3], tf.int32), True]
)
def test_other_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="seed must be .* Received"):
        noise.as_seed(seed)


@pytest.mark.parametrize("seed", [0, 2**40 + 3, [5, -6]])
def test_seeds_of_rows_are_the_same_on_the_host_and_in_a_graph(seed):
    numbers = tf.constant([3, 0, 2**31 - 1])
    graph = tf.function(lambda: noise.numbered_seeds(noise.as_seed(seed), numbers), autograph=False)()
    found = noise.numbered_seeds(noise.as_seed(seed), numbers)
    assert found.dtype == graph.dtype == tf.int32
    np.testing.assert_array_equal(found, graph)
