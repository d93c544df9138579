"""Failures that nothing in scripts/export_model.py foresaw: one line with exit code 70, and the way to it with -v."""

from pathlib import Path

import export_model
import pytest

FAULTS = {
    "RuntimeError": (RuntimeError("shapes\nException raised from somewhere"), ["RuntimeError: shapes;", "-v"]),
    "an error of no words": (KeyError(), ["KeyError", "-v"]),
    "a missing library": (ModuleNotFoundError("No module named 'torch'", name="torch"), ["torch", ".venv/bin/python"]),
    "no memory": (MemoryError(), ["memory"]),
}


def fail(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def raising(*_: object) -> None:
        raise fault

    monkeypatch.setattr("export.convert.components", raising)


@pytest.mark.parametrize("what", FAULTS)
def test_an_unforeseen_failure_is_one_line(
    what: str, sd1: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault, words = FAULTS[what]
    fail(monkeypatch, fault)
    code = export_model.main([str(sd1), "--output", str(tmp_path / "bundle")])
    lines = capsys.readouterr().err.splitlines()
    assert (code, len(lines)) == (70, 1)
    assert all(word in lines[0] for word in words)
    assert list(tmp_path.iterdir()) == []


def test_verbose_shows_where_a_failure_arose(
    sd1: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, RuntimeError("shapes"))
    assert export_model.main([str(sd1), "--output", str(tmp_path / "bundle"), "-v"]) == 70
    error = capsys.readouterr().err
    assert error.startswith("Traceback")
    assert error.splitlines()[-1].startswith("export_model: error: RuntimeError: shapes;")
