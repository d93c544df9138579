#!/usr/bin/env bash
# Everything for a CUDA machine in one command: build, CUDA tests, measurements. Needs no network.
set -uo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/bench/gpu.sh [--quick] [--compile] [--seconds N] OUTPUT
       scripts/bench/gpu.sh --pack

Builds the program against the PyTorch of python3 (or $PYTHON), runs tests/python/gpu/test_cuda.py and the C++ tests of
CUDA, and measures with random weights of real shape: milliseconds a step with each lever alone and with all, the
same through torch.jit and diffusers, the decoder, loading, peak memory. OUTPUT gets summary.md, summary.json and
logs, written again after each stage: what was done when time runs out is there. A stage that fails does not stop
the next.

  --quick      SD 1.5 only, in about 150 s on 16 cores; without it SDXL too, in under 10 minutes
  --compile    diffusers with torch.compile too, which warms up for minutes: with --quick --seconds 570
  --seconds N  when to stop (150 or 570)
  --pack       on a machine that has built for the same PyTorch (Torch_ROOT=.../site-packages/torch): writes .gpu with
               the program, .deps and the wheel of diffusers, 15 MB to carry along with the tree. What is in .gpu is
               used instead of a build; the build is then tried last.
TEXT
}

say() { printf 'gpu: %s\n' "$*" >&2; }
die() { printf 'gpu: error: %s\n' "$*" >&2; exit 1; }

root=$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${PYTHON:-python3}
build=$root/build/gpu
readonly root python build

configure_and_build() {  # $1: the torch folder, $2: build folder
  cmake -S "$root" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" -DTorch_ROOT="$1" &&
    cmake --build "$2" --target txt2img engine_tests
}

pack() {
  [[ -d ${Torch_ROOT:-} ]] || die "--pack needs Torch_ROOT, the torch folder of the PyTorch that the CUDA machine has"
  configure_and_build "$Torch_ROOT" "$build" || die "the build failed"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp -P "$build"/{txt2img,engine_tests} "$build"/libtxt2img{,_engine}.so* "$work"
  find "$work" -type f -exec strip {} +
  mkdir -p "$root/.gpu"
  tar -C "$work" -cJf "$root/.gpu/program.tar.xz" . || die "cannot write .gpu"
  tar -C "$root" -cJhf "$root/.gpu/deps.tar.xz" .deps || die "cannot write .gpu"
  "$root/.venv/bin/python" -m pip download --quiet --no-deps --dest "$root/.gpu" \
    "$(grep '^diffusers==' "$root/scripts/requirements.txt")" || die "cannot download diffusers"
  du -h "$root"/.gpu/*
}

seconds=570
more=()
output=
while (($#)); do
  case $1 in
    --quick) seconds=150 more+=(--quick); shift ;;
    --compile) more+=(--compile); shift ;;
    --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
    --pack) pack; exit ;;
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; die "unknown argument: $1" ;;
    *) output=$1; shift ;;
  esac
done
[[ -n $output ]] || { usage >&2; die "name a folder for the results"; }
mkdir -p "$output" || die "cannot make $output"
output=$(CDPATH='' cd "$output" && pwd)
readonly output seconds

torch=$("$python" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])') ||
  die "$python has no PyTorch; name another one with PYTHON"
readonly torch

# A program that was built elsewhere looks for LibTorch there; this one's own folders come first. Not for Python.
libraries=$torch/lib
for folder in "${torch%/*}"/nvidia/cu13/lib "${torch%/*}"/nvidia/cuda_runtime/lib /usr/local/cuda/lib64; do
  if compgen -G "$folder/libcudart.so.*" >/dev/null; then
    libraries+=:$folder
    break
  fi
done
wrap() {
  mv "$1" "$1.bin"
  # shellcheck disable=SC2016  # for the script that is written
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$0.bin" "$@"\n' "$libraries" >"$1"
  chmod +x "$1"
}

[[ -d $root/.deps || ! -f $root/.gpu/deps.tar.xz ]] || tar -C "$root" -xJf "$root/.gpu/deps.tar.xz"

program=$build
is_packed=no
if [[ -f $root/.gpu/program.tar.xz ]]; then
  program=$root/build/packed
  mkdir -p "$program" && tar -C "$program" -xJf "$root/.gpu/program.tar.xz"
  wrap "$program/txt2img"
  wrap "$program/engine_tests"
  if "$program/txt2img" --list devices >"$output/build.log" 2>&1; then
    is_packed=yes
  else
    say "the packed program does not run here; see build.log"
    program=$build
  fi
fi
if [[ $is_packed == no ]]; then
  say "building"
  (time timeout 300 bash -c "$(declare -f configure_and_build); root='$root' configure_and_build '$torch' '$build'") \
    >>"$output/build.log" 2>&1 || say "the build failed; see build.log"
fi

site=$build.site
mkdir -p "$site"
for wheel in "$root"/.gpu/*.whl; do
  [[ ! -f $wheel ]] || "$python" -m zipfile -e "$wheel" "$site"
done
export PYTHONPATH=$site${PYTHONPATH:+:$PYTHONPATH}

export TXT2IMG_BINARY=$program/txt2img
"$python" "$root/scripts/bench/gpu.py" "$output" --seconds "$((seconds - SECONDS))" "${more[@]}"
status=$?

left=$((seconds - SECONDS))
if [[ $is_packed == yes && -d $root/.deps ]] && ((left > 30)); then
  say "building, for $left seconds at most"
  (time timeout "$left" bash -c "$(declare -f configure_and_build); root='$root' configure_and_build '$torch' '$build'") \
    >>"$output/build.log" 2>&1 || say "the build did not end well; see build.log"
fi
exit "$status"
