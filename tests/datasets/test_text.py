"""A text as data: how it is divided, and its description."""

import json
import subprocess
import sys

import numpy as np
from support.data import VARIED, error_of, write

from tfar import datasets
from tfar.datasets import Vocabulary, load_text


def test_import_and_reading_need_no_tensorflow(tmp_path):
    path = write(tmp_path / "a.txt", "abracadabra" * 10)
    code = (
        f"import sys, tfar.datasets as d; d.load_text({str(path)!r});"
        "print([m for m in ('tensorflow', 'tensorflow_datasets', 'keras') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_load_text_divides_by_position(tmp_path):
    text = "".join(chr(97 + i % 26) for i in range(1003))
    data = load_text(write(tmp_path / "a.txt", text))
    assert [len(codes) for codes in data.splits.values()] == [902, 50, 51]
    assert "".join(data.vocabulary.decode(codes) for codes in data.splits.values()) == text
    assert all(codes.dtype == np.uint8 for codes in data.splits.values()) and len(data.vocabulary) == 26
    assert str(data) == "TextData('a.txt', characters of 26 classes, train=902, validation=50, test=51)"
    last_tenth = load_text(tmp_path / "a.txt", splits=[85, 5, 10])
    assert last_tenth.vocabulary.decode(last_tenth.test) == text[int(0.9 * 1003) :]
    assert [len(c) for c in load_text(tmp_path / "a.txt", splits=(99.8, 0.1, 0.1)).splits.values()] == [1000, 1, 2]


def test_text_data_config_describes_the_data(tmp_path, monkeypatch):
    path = write(tmp_path / "a.txt", VARIED * 10)
    data = load_text(path)
    config = json.loads(json.dumps(data.to_config()))
    assert (config["name"], config["source"], config["data_dir"], config["splits"]) == ("a.txt", str(path), None, [90, 5, 5])
    assert Vocabulary.from_config(config["vocabulary"]) == data.vocabulary
    assert config["sizes"] == {name: len(codes) for name, codes in data.splits.items()}
    monkeypatch.chdir(tmp_path)
    assert load_text("a.txt").to_config() == config
    write(path, (VARIED * 10).replace("naïve", "nïave", 1))
    changed = load_text(path).to_config()["checksums"]
    assert [name for name in changed if changed[name] != config["checksums"][name]] == ["train"]


def test_vocabulary_is_that_of_the_whole_text_or_of_the_training_split(tmp_path):
    path = write(tmp_path / "a.txt", "ab" * 90 + "c" * 10 + "d" * 10)
    assert load_text(path).vocabulary.symbols == "abcd"
    data = load_text(path, unknown=True)
    assert data.vocabulary.symbols == "ab\ufffd" and set(data.validation) == {2} == set(data.test)
    assert load_text(path, vocabulary=Vocabulary("dcba")).test.tolist() == [0] * 10
    assert "Received: 'c', 'd', first at position 180" in error_of(load_text, path, vocabulary=Vocabulary("ab"))
    wide = load_text(write(path, "".join(map(chr, range(0x4E00, 0x4E00 + 300)))))
    assert wide.train.dtype == np.uint16 and wide.vocabulary.decode(wide.test[-1:]) == chr(0x4E00 + 299)


def test_load_text_errors(tmp_path):
    path = write(tmp_path / "a.txt", "ab" * 100)
    assert 'must be "characters", "bytes" or a Vocabulary. Received: \'words\'' in error_of(load_text, path, vocabulary="words")
    for vocabulary in ("bytes", Vocabulary("ab")):
        assert 'goes with vocabulary="characters"' in error_of(load_text, path, vocabulary=vocabulary, unknown=True)
    for splits in ((90, 10), (100, 0, 0), (110, -5, -5), (80, 5, 5), "abc", (0.9, 0.05, 0.05)):
        message = error_of(load_text, path, splits=splits)
        assert "three percentages, all positive, that sum to 100" in message and message.endswith(f"Received: {splits!r}")
    assert len(load_text(path, sequence_length=10).test) == 10
    message = error_of(load_text, path, sequence_length=11)
    assert "one sequence of 11 characters. Received: 10 in validation, of 200 in all" in message
    assert "Received: 0 in validation, of 3 in all" in error_of(load_text, write(path, "abc"))


def test_exports():
    assert {"TextData", "Vocabulary", "load_text", "read_text", "steps_per_pass", "windows"} <= set(datasets.__all__)
