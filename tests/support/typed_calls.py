"""What a type checker says of a user's first lines: `basedpyright`, which scripts/test.sh runs, reads this file; nothing runs it.

A comment that ignores an error is an error itself where there is none, so the mistakes below must be found.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

import numpy as np
import pandas as pd
from typing_extensions import assert_type

import tfar


def right() -> None:
    """Calls without an error, and the types of what they make."""
    model = tfar.NADE([4], hidden_units=3)
    assert_type(model, tfar.NADE)
    model.fit(np.zeros([2, 4]))
    model.distribution().sample(2, seed=1)
    assert_type(tfar.MADE([4], "normal", hidden_units=[3, 3], order="reversed"), tfar.MADE)
    assert_type(tfar.CharRNN("helo", length=5).sample(1, seed=1), list[str])
    assert_type(tfar.TableModel(pd.DataFrame({"a": [1, 2]})), tfar.TableModel)
    ensemble = tfar.Ensemble([model, tfar.MADE([4])])
    assert_type(ensemble, tfar.Ensemble)
    ensemble.log_prob(np.zeros([2, 4]))


def wrong() -> None:
    """Mistakes that an editor marks before the lines run."""
    tfar.NADE()  # pyright: ignore[reportCallIssue]
    tfar.MADE([4], hidden_unit=[3])  # pyright: ignore[reportCallIssue]
    tfar.PixelCNN([4, 4, 1], filters="many")  # pyright: ignore[reportArgumentType]
    tfar.CharRNN("helo", cell="gruu")  # pyright: ignore[reportArgumentType]
