#!/usr/bin/env bash
# Draws a prompt file with several processes of one machine, one for each GPU, by GNU parallel.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/cluster/parallel.sh GPUS SHARDS COMMAND...

Draws SHARDS shards, GPUS at a time: COMMAND with --shard and --resume added, and CUDA_VISIBLE_DEVICES set to
one of the first GPUS devices (of those that it names, if it is set), as in

    scripts/cluster/parallel.sh 4 16 txt2img -f prompts.jsonl -s 7 -o out/

A shard that fails is tried once more. The exit status is the number of shards that failed.
TEXT
}

die() { printf 'parallel.sh: error: %s\n' "$*" >&2; exit 64; }

case ${1:-} in
  -h | --help) usage; exit 0 ;;
esac
(($# >= 3)) || { usage >&2; exit 64; }
readonly gpus=$1 shards=$2
shift 2
[[ $gpus =~ ^[1-9][0-9]*$ && $shards =~ ^[1-9][0-9]*$ ]] || die "GPUS and SHARDS must be whole numbers, not '$gpus' and '$shards'"
command -v parallel >/dev/null || die "GNU parallel is missing (Debian, Ubuntu: apt install parallel)"

draw_shard() {  # SHARD SLOT: slots are counted from 1
  local devices=()
  IFS=, read -ra devices <<<"${CUDA_VISIBLE_DEVICES:-}"
  export CUDA_VISIBLE_DEVICES=${devices[$2 - 1]:-$(($2 - 1))}
  eval "$SHARD_COMMAND --shard $1/$SHARD_COUNT --resume"
}
export -f draw_shard

# By the environment, since braces in a template of names would mean something to parallel.
SHARD_COMMAND=$(printf '%q ' "$@")
export SHARD_COMMAND SHARD_COUNT=$shards PARALLEL_SHELL=$BASH
seq 0 $((shards - 1)) | parallel --jobs "$gpus" --retries 2 --line-buffer 'draw_shard {} {%}'
