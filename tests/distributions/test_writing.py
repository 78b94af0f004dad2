"""Long texts, scored in streams."""

import numpy as np
import pytest
from support.texts import ruled_text, scored, text_model


@pytest.fixture(scope="module")
def model():
    return text_model()


@pytest.fixture(scope="module")
def text():
    return ruled_text()


def test_one_stream_is_exact_and_several_are_close(model, text):
    network, head = model.network, model.head
    exact = scored(network, head, text, streams=1)
    assert exact.sum() == pytest.approx(float(model.log_prob(text[None])[0]), rel=1e-5)
    # these weights forget within 200 symbols, so that the warm-up makes the streams equal
    several = scored(network, head, text, streams=5, warm_up=200)
    assert several.shape == text.shape
    np.testing.assert_allclose(several, exact, atol=1e-4)
    cold = scored(network, head, text, streams=5, warm_up=2)
    assert np.abs(cold - exact).max() > 1e-2 and np.abs(cold[:1200] - exact[:1200]).max() < 1e-4


def test_more_streams_than_stretches(model, text):
    found = scored(model.network, model.head, text[:1000], streams=300, warm_up=1)
    assert found.shape == (1000,) and np.isfinite(found).all()
    with pytest.raises(ValueError, match="streams=0"):
        scored(model.network, model.head, text, streams=0)
