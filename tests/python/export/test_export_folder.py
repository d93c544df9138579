"""The command line of scripts/export_model.py and the folder it makes."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import export.bundle_folder
import export.convert
import export.unet
import export_model
import pytest
from export.errors import ExportError
from exported import (
    edit_json,
    exported,
    manifest,
    refused,
)


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("nowhere", 66, "nowhere"),
        ("model.ckpt", 65, "pickle"),
        ("model.safetensors", 65, "not a whole safetensors file"),
        ("model.txt", 65, "not a whole safetensors file"),
    ],
)
def test_refuses_a_source_that_is_no_folder(
    name: str, code: int, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "." in name:
        (tmp_path / name).write_bytes(b"")
    actual, line = refused(capsys, tmp_path / name, "--output", tmp_path / "bundle")
    assert (actual, word in line) == (code, True)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["source"],
        ["source", "--output"],
        ["source", "--output", "x", "--dtype", "int8"],
        ["source", "--output", "x", "--frobnicate"],
    ],
)
def test_usage_errors_exit_with_64(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, line = refused(capsys, *argv)
    assert (code, "--help" in line) == (64, True)


def test_usage_errors_come_before_any_import_of_torch() -> None:
    command = [sys.executable, "-X", "importtime", export_model.__file__, "--frobnicate"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 64
    assert run.stdout == ""
    assert run.stderr.splitlines()[-1].startswith("export_model: error: ")
    assert "| torch" not in run.stderr


def test_an_existing_folder_is_replaced_only_by_force_and_only_if_it_is_a_bundle(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign, bundle = tmp_path / "foreign", tmp_path / "bundle"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("ten years of work")
    code, line = refused(capsys, copy, "--output", foreign, "--force")
    assert (code, "not a bundle" in line) == (73, True)
    assert (foreign / "thesis.txt").exists()

    bundle.mkdir()
    edit_json(bundle / "model.json", format="txt2img-bundle", name="old")
    code, line = refused(capsys, copy, "--output", bundle)
    assert (code, "--force" in line) == (73, True)
    assert manifest(bundle)["name"] == "old"

    (copy / "README.md").write_text("---\nlicense: openrail\n---\n# A model\n")
    exported(copy, bundle, "--force", "--name", "new")
    assert (manifest(bundle)["name"], manifest(bundle)["licence"]) == ("new", "openrail")
    assert (bundle / "README.md").exists()  # terms travel with the weights
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "foreign", "source"]


@pytest.mark.parametrize("failure", ["fault", "interrupt", "disk"])
def test_a_failure_leaves_nothing_and_keeps_the_old_bundle(
    failure: str,
    sd1: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit_json(tmp_path / "model.json", format="txt2img-bundle", name="old")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (tmp_path / "model.json").rename(bundle / "model.json")

    def fail(*_: Any) -> Any:
        raise {"interrupt": KeyboardInterrupt(), "disk": OSError(28, "No space left on device")}[failure]

    if failure != "fault":
        monkeypatch.setattr(export.convert, "write_manifest", fail)
        # The modules are not what fails here.
        monkeypatch.setattr(export.convert, "_export_module", lambda *_: None)
        expected = {"interrupt": (130, "interrupted"), "disk": (74, "No space left")}[failure]
    else:
        forward = export.unet.TraceableUNet.forward
        monkeypatch.setattr(export.unet.TraceableUNet, "forward", lambda *inputs: forward(*inputs) * 1.001)
        expected = (70, "unet.pt differs from the original")
    code = export_model.main([str(sd1), "--output", str(bundle), "--force", "--dtype", "float32"])
    assert code == expected[0]
    assert expected[1] in capsys.readouterr().err
    assert manifest(bundle)["name"] == "old"
    assert list(tmp_path.iterdir()) == [bundle]


def test_refuses_a_full_disk_before_it_starts(
    sd1: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(export.bundle_folder.shutil, "disk_usage", lambda _: usage)
    code, line = refused(capsys, sd1, "--output", tmp_path / "bundle")
    assert (code, "free" in line) == (73, True)
    assert list(tmp_path.iterdir()) == []


def test_refuses_an_output_below_a_file(sd1: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    code, line = refused(capsys, sd1, "--output", tmp_path / "file" / "bundle")
    assert (code, "cannot be created" in line) == (73, True)


def test_messages_are_one_line_whatever_the_cause(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: list[str]) -> None:
        raise ExportError(export_model.ExitCode.BAD_DATA, "first\nsecond")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_model, "run", broken)
        assert export_model.main([]) == 65
    assert capsys.readouterr().err == "export_model: error: first second\n"
