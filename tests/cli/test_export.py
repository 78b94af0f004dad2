"""`tfar export` of arrays."""

import json
import re

from support.commands import fails

from tfar.cli.main import main


def test_export_writes_one_version_after_another_and_a_card(folder, table, labelled, tmp_path, capsys):
    base = tmp_path / "saved"
    for version in ("1", "2"):
        capsys.readouterr()
        assert main(["export", folder, "--to", base]) == 0
        assert (base / version / "saved_model.pb").is_file()
        printed = capsys.readouterr().out
        assert str(base / version) in printed and "sample(seed int32[?, 2])" in printed
    assert sorted(path.name for path in base.iterdir()) == ["1", "2", "README.md"]
    metrics, card = json.loads((folder / "metrics.json").read_text()), (base / "README.md").read_text()
    command = metrics["command"].replace(str(folder), folder.name)  # without paths that others do not have
    for words in ("# saved", "version | 2,", f"{metrics['test']['nll']:.3f}", command, "x int32[?, 8, 8, 1]"):
        assert words in card
    assert str(folder.parent) in metrics["command"] and str(folder.parent) not in card
    assert "floor(2 v / 17)" in card and f"{metrics['parameters']:,} parameters" in card

    assert "exists" in fails(capsys, "export", folder, "--to", base / "2")
    assert "exists" in fails(capsys, "export", folder, "--to", base / "README.md")
    (base / "README.md").write_text("mine")
    assert "did not write" in fails(capsys, "export", folder, "--to", base)
    assert main(["export", table[0], "--to", tmp_path / "table" / "5"]) == 0
    card = (tmp_path / "table" / "README.md").read_text()
    assert "a normal of full covariance" in card
    assert "standardised" in card and re.search(r"\| b \| \d+\.", card) and (tmp_path / "table" / "5").is_dir()
    assert main(["export", labelled]) == 0
    assert "classes 0, 1, 2" in (labelled / "saved_model" / "README.md").read_text()
