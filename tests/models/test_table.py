"""The model of a mixed table: DataFrames in, DataFrames out, against probabilities that can be summed by hand."""

import keras
import numpy as np
import pandas as pd
import pytest

import tfar
from tfar import TableModel
from tfar.datasets.schema import Schema
from tfar.testing import randomize


def people(rows=200, seed=0):
    random = np.random.default_rng(seed)
    age = random.integers(18, 25, rows)
    return pd.DataFrame(
        {
            "sex": random.choice(["f", "m"], rows),
            "age": age,
            "country": "CH",
            "city": pd.Series(random.choice(["Basel", "Bern", None], rows), dtype="str"),
            "height": np.round(random.normal(170 + age / 10, 9), 3),
            "born": pd.Timestamp("2000-01-01") + pd.to_timedelta(random.integers(0, 5, rows), unit="D"),
        }
    )


TABLE = people()
SCHEMA = Schema.infer(TABLE)


@pytest.fixture(scope="module", params=["made", "deepnade"])
def model(request):
    model = TableModel(SCHEMA, request.param, hidden_units=[12], num_components=2)
    randomize(model.network)
    return model


def test_cells_have_the_probabilities_of_rows(model):
    cells = model.column_log_prob(TABLE)
    assert list(cells) == ["sex", "age", "city", "height", "born"]
    assert (cells.index == TABLE.index).all()
    np.testing.assert_allclose(cells.sum(axis=1), model.log_prob(TABLE), rtol=1e-6)
    encoded = model.encode(TABLE)
    np.testing.assert_allclose(model.log_prob(encoded), model.log_prob(TABLE), rtol=1e-4)  # no class is shared by rare values here


def test_the_first_cells_probabilities_sum_to_one():
    model = TableModel(SCHEMA, hidden_units=[12], condition_on=["city"], num_components=2)
    randomize(model.network)
    rows = pd.concat([TABLE[TABLE.city == "Basel"][:1], TABLE[TABLE.city == "Bern"][:1], TABLE[TABLE.city.isna()][:1]])
    assert abs(np.exp(model.column_log_prob(rows)["city"]).sum() - 1) < 1e-6


def test_samples_have_the_form_of_the_table(model):
    drawn = model.sample(50, seed=3)
    assert list(drawn) == list(TABLE)
    assert drawn.dtypes.tolist() == TABLE.dtypes.tolist()
    assert set(drawn.sex) <= {"f", "m"}
    assert set(drawn.country) == {"CH"}
    assert drawn.city.isna().any()
    pd.testing.assert_frame_equal(drawn, model.sample(50, seed=3))
    assert np.isfinite(model.log_prob(drawn)).all()
    assert len(model.sample(0, seed=3)) == 0


def test_a_longer_sample_begins_with_a_shorter_one_and_parts_do_not_show(model, monkeypatch):
    whole = model.sample(30, seed=5)
    monkeypatch.setattr("tfar.models.table.PART", 7)
    pd.testing.assert_frame_equal(model.sample(12, seed=5), whole[:12])


def test_given_columns_are_kept(model):
    if model.network.order_agnostic:
        drawn = model.sample(20, seed=1, given={"city": "Bern", "born": [pd.Timestamp("2000-01-03")] * 20})
        assert set(drawn.city) == {"Bern"}
        assert set(drawn.born) == {pd.Timestamp("2000-01-03")}
    else:
        drawn = model.sample(20, seed=1, given={"sex": ["f", "m"] * 10, "age": 20})
        assert drawn.sex.tolist() == ["f", "m"] * 10
        assert set(drawn.age) == {20}
        with pytest.raises(ValueError, match=r"the order of the model, sex, age, .* condition_on=.*deepnade.* in row 1"):
            model.sample(20, given={"city": "Bern"})


def test_completion_fills_blanks_alone():
    model = TableModel(SCHEMA, "deepnade", hidden_units=[12], num_components=2)
    randomize(model.network)
    holes = TABLE[:60].copy()
    holes["age"] = holes["age"].astype("Int64")
    holes.loc[3, "age"], holes.loc[5, "height"], holes.loc[5, "sex"] = pd.NA, np.nan, None
    holes.index = pd.Index(range(100, 160))
    full = model.complete(holes, seed=2)
    assert not full.isna().any().any()
    assert full.index.equals(holes.index)
    for name in TABLE:
        known = holes[name].notna()
        assert (full[name][known] == holes[name][known]).all()
    tables = model.complete(holes, seed=2, draws=3)
    assert len(tables) == 3
    assert len({table.loc[105, "height"] for table in tables}) == 3


def test_conditionals_add_up(model):
    """log p(row) = log p(columns | others) + log p(others); over all values of a column the conditionals sum to one."""
    if not model.network.order_agnostic:
        with pytest.raises(ValueError, match=r"the order of the model, sex, age, .* condition_on=.*deepnade.* in row 1"):
            model.conditional_log_prob(TABLE[:3], columns=["sex"])
        np.testing.assert_allclose(
            model.conditional_log_prob(TABLE[:5], columns=["born"]), model.column_log_prob(TABLE[:5])["born"], rtol=1e-4
        )
        return
    row = TABLE[:1]
    both = pd.concat([row.assign(sex="f"), row.assign(sex="m")])
    assert abs(np.exp(model.conditional_log_prob(both, columns=["sex"])).sum() - 1) < 1e-5


def test_every_way_of_saving(model, tmp_path):
    model.save(tmp_path / "model.keras")
    for other in (tfar.load_model(tmp_path / "model.keras"), keras.models.clone_model(model)):
        assert isinstance(other, TableModel)
        assert other.schema == model.schema
        other.set_weights(model.get_weights())
        np.testing.assert_allclose(other.log_prob(TABLE[:9]), model.log_prob(TABLE[:9]), rtol=1e-6)
        pd.testing.assert_frame_equal(other.sample(4, seed=1), model.sample(4, seed=1))


def test_every_method_of_keras_takes_a_table():
    table = TABLE[["sex", "age"]]  # few columns, whose steps are traced quickly
    model, rows = TableModel(table, hidden_units=[4], num_components=2), table[:40]
    held = model.fit(table, validation_data=rows, epochs=1, verbose=0).history["val_nll"][0]
    nll = -model.log_prob(rows).mean()
    np.testing.assert_allclose([held, model.evaluate(rows, verbose=0)[0], model.test_on_batch(rows)[0]], nll, rtol=1e-5)
    for scores in (model.predict(rows, verbose=0), model.predict_on_batch(rows)):
        np.testing.assert_allclose(scores, model.log_prob(rows), rtol=1e-5)
    weighted = model.fit(table, sample_weight=np.ones(len(table)), validation_data=(rows, None, np.ones(40)), epochs=1, verbose=0)
    split = model.fit({name: table[name].tolist() for name in table}, validation_split=0.25, epochs=1, verbose=0)
    assert np.isfinite([*weighted.history["val_nll"], *split.history["val_nll"], model.train_on_batch(rows)[0]]).all()
    with pytest.raises(ValueError, match="must be one of 'f', 'm'. Received: 'q'"):
        model.fit(table, validation_data=rows.assign(sex="q"), verbose=0)
    with pytest.raises(TypeError, match="a table must be .* Received: Series"):
        model.complete(table.iloc[0])


def test_given_values_may_be_a_table():
    model = TableModel(SCHEMA, hidden_units=[4], num_components=2)
    assert model.sample(5, seed=1, given=TABLE[["sex"]][:5]).sex.tolist() == TABLE.sex[:5].tolist()


def test_training_learns_what_depends_on_what():
    random = np.random.default_rng(1)
    x = random.integers(0, 30, 600)
    table = pd.DataFrame({"x": x, "parity": np.where(x < 15, "low", "high")})
    model = TableModel(table, hidden_units=[16], num_components=3, dropout=0.0)
    before = -model.log_prob(table).mean()
    model.fit(table, epochs=15, batch_size=50, verbose=0)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(table, epochs=15, batch_size=50, verbose=0)
    assert -model.log_prob(table).mean() < before - 0.5
    drawn = model.sample(400, seed=0)
    assert ((drawn.x < 15) == (drawn.parity == "low")).mean() > 0.9  # independent columns: 0.5, of standard deviation 0.025


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.log_prob(TABLE.drop(columns="age")), r"without \['age'\]"),
        (lambda m: m.log_prob(TABLE.assign(sex="x")), "column 'sex', row 1: must be one of 'f', 'm'. Received: 'x'"),
        (lambda m: m.log_prob(TABLE.assign(sex=None)), "column 'sex', row 1: must have a value. Received: a blank cell"),
        (lambda m: m.sample(3, given={"colour": "red"}), r"columns must be among .* Received: \['colour'\]"),
        (lambda m: m.sample(3, given={"sex": ["f"]}), "one for all rows, or 3 of them"),
        (lambda m: m.conditional_log_prob(TABLE, columns=["colour"]), r"Received: \['colour'\]"),
        (lambda m: m.sample(-1), "n must be an integer of at least 0"),
        (lambda m: TableModel(SCHEMA, condition_on=["colour"]), r"condition_on must be among .* Received: \['colour'\]"),
        (lambda m: TableModel(SCHEMA, "nadek"), "a family that takes columns"),
        (lambda m: TableModel(SCHEMA, "pixelcnn"), "event_shape|columns|image"),
    ],
)
def test_bad_calls_are_refused(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)


def test_labels_of_a_dataframe_may_be_whole_numbers():
    generator = np.random.default_rng(0)
    table = pd.DataFrame({0: generator.integers(3, size=60), 1: generator.integers(2, size=60), "kind": ["a", "b", "c"] * 20})
    model = TableModel(table, family="deepnade", hidden_units=[8], condition_on=())
    assert list(model.sample(2, seed=1, given={0: 1})) == list(table)
    assert (model.sample(5, seed=1, given={0: 1})[0] == 1).all()
    blanked = table.astype({1: "Int64"}).mask(np.eye(60, 3, dtype=bool))
    blanked.attrs["unit"] = "cm"
    filled = model.complete(blanked, seed=1)
    assert list(filled) == list(table) and filled.attrs == {"unit": "cm"}
    np.testing.assert_allclose(model.conditional_log_prob(table, columns=[1]), model.conditional_log_prob(table, columns="1"))
    assert model.probability({1: [0, 1]}).estimate == pytest.approx(1, abs=1e-6)
    restored = TableModel.from_config(model.get_config())
    assert list(restored.sample(1, seed=1)) == list(table)
    assert list(TableModel(table, hidden_units=[8], condition_on=[1]).column_log_prob(table)) == list(table)
    assert list(Schema.infer(table, drop=[0]).decode(np.zeros([2, 2]))) == [1, "kind"]


def test_numbered_labels_reach_the_schema_of_a_dataset():
    table = pd.DataFrame(np.random.default_rng(0).integers(3, size=[40, 2]))
    schema = tfar.datasets.load(table, categorical=[1]).schema
    assert schema.numbered == ("0", "1") and schema["1"].kind == schema[1].kind == "category"
    assert Schema.from_json(schema.to_json()) == schema


def test_given_cells_are_in_the_rows_as_they_were_given_or_refused():
    random = np.random.default_rng(0)
    city = np.concatenate([random.choice(["Basel", "Bern"], 3000), [f"village {k}" for k in range(600)]])
    table = pd.DataFrame({"city": city, "age": random.integers(18, 25, 3600)})
    model = TableModel(table, hidden_units=[8])
    rare, *others = model.schema["city"].rare
    assert len(others) > 100
    assert model.sample(20, seed=1, given={"city": rare})["city"].tolist() == [rare] * 20
    for given, received in (({"city": "Atlantis"}, "'Atlantis'"), ({"city": None}, "None"), ({"city": "Bern", "age": 99}, "99")):
        with pytest.raises(ValueError, match=f"row 1: must be a value of the column .*Received: (np.int64\\()?{received}"):
            model.sample(2, given=given)
