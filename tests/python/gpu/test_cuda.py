"""The program on a CUDA device: the CPU's pictures, the same bytes twice, and what happens when memory runs out.

Skipped where there is no device that the program can use (`--list devices`). scripts/bench/gpu.sh runs it on a
machine that has one.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_program import BINARY, ROOT, Program
from PIL import Image

STICKERS = ROOT / "models" / "stickers"
PROMPT = "two red apples on a yellow background"
RUN = (PROMPT, "-m", STICKERS, "-s", 7)


@pytest.fixture(scope="module")
def has_cuda(tmp_path_factory: pytest.TempPathFactory) -> None:
    if not BINARY.exists():
        pytest.skip(f"{BINARY} is not there")
    listed = Program(tmp_path_factory.mktemp("devices")).run("--list", "devices", "--json")
    names = [record["name"] for record in listed.records]
    if "cuda:0" not in names:
        pytest.skip(f"no CUDA device that the program can use: --list devices shows {', '.join(names) or listed.err}")


@pytest.fixture
def gpu(has_cuda: None, program: Program) -> Program:
    """The program with a CUDA device as its default; the toy model is its model unless another one is named."""
    program.variables["TXT2IMG_DEVICE"] = "cuda"
    return program


def draw(program: Program, name: str, *arguments: object, levers: str | None = None) -> np.ndarray:
    environment = {} if levers is None else {"TXT2IMG_CUDA_LEVERS": levers}
    result = program.run(*arguments, "-o", name, env=environment)
    assert result.code == 0, result.err
    assert "warning" not in result.err, result.err
    return np.asarray(Image.open(program.folder / name)).astype(int)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """In dB, of 8 bits; infinite where they are equal."""
    error = np.square(one - other).mean()
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def record(program: Program, name: str) -> dict:
    return program.run("--show", name, "--json").records[0]


def pairs_of_float32(program: Program, *more: object) -> tuple[np.ndarray, np.ndarray]:
    return (
        draw(program, "cpu.png", *RUN, "--device", "cpu", *more),
        draw(program, "gpu.png", *RUN, "--dtype", "float32", *more),
    )


def test_lists_the_device_with_its_memory(gpu: Program) -> None:
    devices = gpu.run("--list", "devices", "--json").records
    cuda = next(device for device in devices if device["name"] == "cuda:0")
    assert "GiB" in json.dumps(cuda)


def test_float32_is_the_cpus_picture(gpu: Program) -> None:
    """Without TF32 both round to 24 bits; the steps amplify that somewhat, so a level may flip here and there."""
    cpu, cuda = pairs_of_float32(gpu)
    print(f"float32: largest difference {np.abs(cpu - cuda).max()}, PSNR {psnr(cpu, cuda):.1f} dB")
    assert np.abs(cpu - cuda).max() <= 2
    assert psnr(cpu, cuda) >= 50


def test_noise_and_ids_are_the_cpus_bit_for_bit(gpu: Program) -> None:
    pairs_of_float32(gpu)
    cpu, cuda = (record(gpu, name)["stages"] for name in ("cpu.png", "gpu.png"))
    assert cuda["noise"] == cpu["noise"]
    assert cuda["ids"] == cpu["ids"]


def test_noise_of_each_step_is_the_cpus(gpu: Program) -> None:
    """With other noise an ancestral sampler would draw another picture altogether."""
    cpu, cuda = pairs_of_float32(gpu, "--sampler", "euler_a", "--steps", 12)
    print(f"euler_a: largest difference {np.abs(cpu - cuda).max()}, PSNR {psnr(cpu, cuda):.1f} dB")
    assert psnr(cpu, cuda) >= 45


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_close(gpu: Program, dtype: str) -> None:
    """The text encoder's and the UNet's rounding, with 10 or 7 bits."""
    cpu = draw(gpu, "cpu.png", *RUN, "--device", "cpu")
    cuda = draw(gpu, "gpu.png", *RUN, "--dtype", dtype)
    print(f"{dtype}: largest difference {np.abs(cpu - cuda).max()}, PSNR {psnr(cpu, cuda):.1f} dB")
    assert psnr(cpu, cuda) >= (45 if dtype == "float16" else 35)


@pytest.mark.parametrize("more", [(), ("--deterministic",), ("--dtype", "float32"), ("--sampler", "dpmpp_2m_sde")])
def test_the_same_command_gives_the_same_bytes(gpu: Program, more: tuple[str, ...]) -> None:
    draw(gpu, "one.png", *RUN, *more)
    draw(gpu, "two.png", *RUN, *more)
    assert (gpu.folder / "one.png").read_bytes() == (gpu.folder / "two.png").read_bytes()


def test_a_picture_is_the_same_alone_and_as_a_later_one_of_a_run(gpu: Program) -> None:
    """The first picture's first steps are launched one by one, a later one's are replayed from the first on."""
    draw(gpu, "alone.png", PROMPT, "-m", STICKERS, "-s", 9)
    result = gpu.run(PROMPT, "-m", STICKERS, "-s", 7, "-n", 3, "-o", "run/{seed}.png")
    assert result.code == 0, result.err
    assert (gpu.folder / "run" / "9.png").read_bytes() == (gpu.folder / "alone.png").read_bytes()


@pytest.mark.parametrize("levers", ["graph", "channels_last", "channels_last,graph", "channels_last,graph,group_norm"])
def test_what_makes_it_faster_does_not_change_the_picture(gpu: Program, levers: str) -> None:
    plain = draw(gpu, "plain.png", *RUN, levers="none")
    fast = draw(gpu, "fast.png", *RUN, levers=levers)
    print(f"{levers}: largest difference {np.abs(plain - fast).max()}, PSNR {psnr(plain, fast):.1f} dB")
    if levers == "graph":
        assert np.array_equal(plain, fast)
    else:
        assert psnr(plain, fast) >= 45  # of two half-precision pictures


def test_several_sizes_and_batches_in_one_run(gpu: Program) -> None:
    """Each has a graph of its own, and there are more than are kept."""
    sizes = [(64, 64), (64, 96), (96, 64), (128, 64), (64, 128), (64, 64)]
    rows = [
        {"prompt": PROMPT, "seed": 7, "width": w, "height": h, "output": f"{i}.png"} for i, (w, h) in enumerate(sizes)
    ]
    (gpu.folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = gpu.run("-f", "p.jsonl", "-m", STICKERS, "-o", "out/")
    assert result.code == 0, result.err
    assert "warning" not in result.err
    assert (gpu.folder / "out" / "0.png").read_bytes() == (gpu.folder / "out" / "5.png").read_bytes()


def test_a_batch_draws_the_same_pictures(gpu: Program) -> None:
    for size in (1, 4):
        command = (*RUN, "-n", 6, "--dtype", "float32", "--batch-size", size, "-o", f"{size}/{{seed}}.png")
        assert gpu.run(*command).code == 0
    for path in sorted((gpu.folder / "1").glob("*.png")):
        one, four = (np.asarray(Image.open(gpu.folder / size / path.name)).astype(int) for size in ("1", "4"))
        assert psnr(one, four) >= 45, path.name


def test_low_memory_draws_the_same_picture(gpu: Program) -> None:
    assert np.array_equal(draw(gpu, "one.png", *RUN), draw(gpu, "two.png", *RUN, "--low-memory"))


def test_tiles_draw_the_same_picture(gpu: Program) -> None:
    whole = draw(gpu, "one.png", *RUN, "--size", "320x320", "--steps", 3, "--vae-tiling", "off")
    tiled = draw(gpu, "two.png", *RUN, "--size", "320x320", "--steps", 3, "--vae-tiling", "on")
    assert np.abs(whole - tiled).max() <= 2


def test_a_device_that_is_not_there_is_an_error_of_one_line(gpu: Program) -> None:
    result = gpu.run("a", "--device", "cuda:77", "-o", "x.png")
    assert result.code == 69
    assert "cuda:77" in result.error
    assert gpu.files() == []


def test_checks_a_bundle_on_the_device(gpu: Program) -> None:
    result = gpu.run("--check", STICKERS)
    assert result.code == 0, result.err


def crowded(program: Program, toy, condition: str) -> None:
    """A model whose UNet asks for more memory than there is where the condition holds."""
    from toy_bundle import UNETS, manifest, write_manifest, write_module

    folder = program.folder.parent / "crowded"
    folder.mkdir()
    for path in Path(toy("noise")).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    crowd = f"crowd = latent.new_zeros([1 + (1 << 44) * int({condition})]).sum()\n    return "
    write_module(folder / "unet.pt", UNETS["noise"].replace("return ", crowd).rstrip() + " + crowd\n")
    write_manifest(folder, manifest("crowded"))
    program.variables["TXT2IMG_MODEL"] = str(folder)


def test_out_of_memory_is_an_error_of_one_line(gpu: Program, toy) -> None:
    crowded(gpu, toy, "True")
    result = gpu.run("a", "-o", "x.png")
    assert result.code == 69
    assert "out of memory" in result.error
    assert gpu.files() == []


def test_a_batch_that_does_not_fit_is_drawn_in_smaller_ones(gpu: Program, toy) -> None:
    crowded(gpu, toy, "latent.size(0) > 2")
    result = gpu.run("a", "-n", 6, "-s", 3, "--batch-size", 4, "-o", "{seed}.png", "--json")
    assert result.code == 0, result.err
    assert "goes on with 2 at once" in result.err
    assert [r["seed"] for r in result.records] == list(range(3, 9))


def test_a_run_goes_on_after_a_picture_that_does_not_fit(gpu: Program, toy) -> None:
    crowded(gpu, toy, "latent.size(2) > 4")
    rows = [{"prompt": f"p{i}", "height": 64 if i == 1 else 16, "output": f"{i}.png"} for i in range(3)]
    (gpu.folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = gpu.run("-f", "p.jsonl", "-s", 1, "-o", "out/")
    assert result.code == 1
    assert "out of memory" in result.err
    assert [name for name in gpu.files() if name.endswith(".png")] == ["out/0.png", "out/2.png"]


def test_a_unet_that_cannot_be_recorded_is_run_step_by_step(gpu: Program, toy) -> None:
    """It waits for a number from the device, which a graph cannot."""
    from toy_bundle import UNETS, manifest, write_manifest, write_module

    folder = gpu.folder.parent / "waiting"
    folder.mkdir()
    for path in Path(toy("noise")).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    wait = "wait = float(latent.mean()) * 0\n    return "
    write_module(folder / "unet.pt", UNETS["noise"].replace("return ", wait).rstrip() + " + wait\n")
    write_manifest(folder, manifest("waiting"))
    gpu.variables["TXT2IMG_MODEL"] = str(folder)
    result = gpu.run("a", "-n", 3, "-s", 1, "--steps", 6, "-o", "{seed}.png")
    assert result.code == 0, result.err
    assert result.err.count("CUDA graph") == 1, result.err
    gpu.variables["TXT2IMG_MODEL"] = str(toy("noise"))
    assert gpu.run("a", "-n", 3, "-s", 1, "--steps", 6, "-o", "plain/{seed}.png").code == 0
    for seed in (1, 2, 3):
        one, other = (np.asarray(Image.open(gpu.folder / where / f"{seed}.png")) for where in (".", "plain"))
        assert np.array_equal(one, other)
