#!/usr/bin/env bash
#SBATCH --job-name=txt2img
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@60
#SBATCH --time=04:00:00
# Draws a prompt file as a Slurm job array, one shard for each task.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: sbatch --array=0-$((N - 1)) [SBATCH OPTIONS] scripts/cluster/slurm.sh N COMMAND...

Each task of the array draws one of N shards: COMMAND with --shard and --resume added, as in

    sbatch --array=0-7 --gres=gpu:1 scripts/cluster/slurm.sh 8 txt2img -f prompts.jsonl -s 7 -o out/

N is that of the whole run and never changes; draw failed shards again with their numbers:

    sbatch --array=3,7 --gres=gpu:1 scripts/cluster/slurm.sh 8 txt2img -f prompts.jsonl -s 7 -o out/

A minute before the time limit the program is told to stop; it keeps what is finished, and the task is put
back into the queue. The folders of the model, the prompt file and the output must be seen by all nodes.
TEXT
}

die() { printf 'slurm.sh: error: %s\n' "$*" >&2; exit 64; }

case ${1:-} in
  -h | --help) usage; exit 0 ;;
esac
(($# >= 2)) || { usage >&2; exit 64; }
# Not SLURM_ARRAY_TASK_COUNT, which is 2 when two shards of eight are drawn again.
readonly shards=$1
shift
[[ $shards =~ ^[1-9][0-9]*$ ]] || die "the number of shards must be a whole number, not '$shards'"
readonly shard=${SLURM_ARRAY_TASK_ID:?submit this with sbatch --array=0-$((shards - 1))}
((shard < shards)) || die "there is no shard $shard of $shards; the array is 0-$((shards - 1))"

is_stopped=
"$@" --shard "$shard/$shards" --resume &
readonly program=$!
trap 'is_stopped=yes; kill -TERM "$program" 2>/dev/null || true' TERM

# A trapped signal ends `wait` before the program has ended.
status=0
wait "$program" || status=$?
while kill -0 "$program" 2>/dev/null; do
  status=0
  wait "$program" || status=$?
done
if [[ $is_stopped ]]; then
  # The status of the signal that ended the first `wait` tells nothing: what is finished is skipped the next time.
  printf 'slurm.sh: shard %s of %s was stopped; it goes on when its task runs again\n' "$shard" "$shards" >&2
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$shard" || exit "$((status == 0 ? 143 : status))"
fi
exit "$status"
