"""The parts of scripts/train that judge pictures and carry checkpoints, without any training."""

from pathlib import Path

import checkpoint
import concepts
import evaluate
import numpy as np
import plot
import psnr
import pytest
import report
import results
import torch
from classifier import Thing


def two_squares(left: str, right: str) -> np.ndarray:
    """(128, 128, 3) uint8, on white."""
    picture = np.full((128, 128, 3), 255, np.uint8)
    picture[44:84, 12:52] = concepts.COLOURS[left]
    picture[44:84, 76:116] = concepts.COLOURS[right]
    return picture


@pytest.mark.parametrize(("relation", "first"), [("left", "red"), ("right", "blue")])
def test_the_thing_on_the_side_named_comes_first(relation: str, first: str) -> None:
    things = [Thing("square", 0.25, 0.5), Thing("square", 0.75, 0.5)]
    pair = evaluate.pair_in_order(two_squares("red", "blue"), things, relation)
    assert [one["colour"] for one in pair] == ([first, "blue"] if first == "red" else [first, "red"])


def test_a_pair_with_its_colours_on_the_wrong_sides_is_no_hit() -> None:
    wanted = {"seen_colour": "red", "seen_colour2": "blue", "concept": "square", "concept2": "square"}
    things = [Thing("square", 0.25, 0.5), Thing("square", 0.75, 0.5)]
    seen = [
        {"pair": evaluate.pair_in_order(two_squares(*colours), things, "left")}
        for colours in (("red", "blue"), ("blue", "red"))
    ]
    assert evaluate.score_pairs([(s, wanted) for s in seen]) == {"relation": 0.5, "pair": 1.0}


def test_missed_objects_are_listed_with_their_style() -> None:
    wanted = [{"concept": "fox", "style": "flat", "relation": relation} for relation in ("none", "none", "left")]
    seen = [{"concept": name} for name in ("fox", "dog", "dog")]
    assert evaluate.missed_objects(seen, wanted) == ["fox (flat): dog"]


def test_a_ratio_is_the_mean_over_pictures_or_pooled() -> None:
    error = torch.tensor([0.2, 0.02])[:, None, None, None].expand(2, 3, 4, 4)  # 20 and 40 dB
    found = psnr.psnr(error, torch.zeros(2, 3, 4, 4))
    assert found.mean == pytest.approx(30)
    assert found.pooled == pytest.approx(10 * np.log10(2 / 0.0101))  # mean of 0.01 and 0.0001


def test_tables_have_a_row_for_each_setting() -> None:
    rows = {"guidance 1": {"object": 0.5, "colour": None}}
    expected = ["| | object | colour |", "|---|---|---|", "| guidance 1 | 0.500 | - |"]
    assert report.table(("object", "colour"), rows) == expected


def test_results_go_back_into_checkpoints(tmp_path: Path) -> None:
    """Averaged weights in half precision, in files that are small enough, with what is stored beside them."""
    weights = {"a": torch.randn(2_000_000), "b": torch.randn(3_000_000).requires_grad_(), "n": torch.tensor(3)}
    for name in results.NAMES:
        checkpoint.save_atomic(
            {
                "model": {},
                "ema": weights if name == "unet" else {"a": weights["a"]},
                "step": 7,
                "samples": 70,
                "spent_s": 1.5,
                "optimizer": [],
                "scale": 4.5,
            },
            tmp_path / f"{name}.pt",
        )
    packed = tmp_path / "packed"
    results.pack(tmp_path, packed)
    files = sorted(path.name for path in packed.iterdir())
    assert files == ["clip.safetensors", "extras.tgz", "unet.safetensors", "vae.safetensors"]
    assert all(path.stat().st_size <= 15 << 20 for path in packed.iterdir())
    results.unpack(tmp_path / "back", packed)
    state = checkpoint.load_state(tmp_path / "back" / "unet.pt")
    assert (state["step"], state["samples"], state["scale"]) == (7, 70, 4.5)
    assert "optimizer" not in state
    assert torch.equal(state["ema"]["b"], weights["b"].detach().half().float())


def test_weights_larger_than_a_file_are_split() -> None:
    parts = results._parts({name: torch.zeros(3_000_000).half() for name in "abcdef"})
    assert [list(part) for part in parts] == [["a", "b"], ["c", "d"], ["e", "f"]]


def test_the_learning_rate_follows_the_budget() -> None:
    budget = checkpoint.Budget(minutes=10, spent_s=0)
    assert budget.learning_rate(1.0, step=1000) == pytest.approx(1.0)
    assert budget.learning_rate(1.0, step=99) == pytest.approx(0.5)
    nearly_over = checkpoint.Budget(minutes=10, spent_s=599.9)
    assert nearly_over.learning_rate(1.0, step=1000) == pytest.approx(0.02, abs=1e-3)


def test_logs_are_drawn(tmp_path: Path) -> None:
    log = tmp_path / "log" / "unet.csv"
    log.parent.mkdir()
    log.write_text("step,seconds,samples,v_error\n50,1.0,100,0.5\n100,2.0,200,0.25\n")
    assert plot.read(log)["v_error"] == [0.5, 0.25]
    assert plot.panel("unet v_error", [1.0, 2.0], [0.5, 0.25]).size == (plot.WIDTH, plot.HEIGHT)
