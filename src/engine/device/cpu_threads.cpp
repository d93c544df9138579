#include "device/cpu_threads.h"

#include <ATen/Parallel.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include <algorithm>
#include <cstdlib>

#include "txt2img/control_group.h"

namespace txt2img {
namespace {

// As few as the calling thread's teams have, and from now on always as many: with OMP_DYNAMIC it changes with the load.
int settle_team(int threads) {
#ifdef _OPENMP
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
  int team = threads;
#pragma omp parallel
  {
#pragma omp single
    team = omp_get_num_threads();
  }
  return std::min(threads, team);
#else
  return threads;
#endif
}

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

int default_threads() {
  const int threads = at::get_num_threads();
  return is_set("OMP_NUM_THREADS") || is_set("MKL_NUM_THREADS") ? threads : usable_cores(threads, group_limits());
}

}  // namespace

int set_cpu_threads(int asked) {
  const int expected = at::get_num_threads();
  const int threads = settle_team(asked > 0 ? asked : default_threads());
  // LibTorch's own setting is left alone where it is right: MKL behaves otherwise once it is told.
  if (asked > 0 || threads != expected) at::set_num_threads(threads);
  return threads;
}

void join_cpu_threads() {
  at::init_num_threads();
  const int expected = at::get_num_threads();
  const int threads = settle_team(expected);
  if (threads != expected) at::set_num_threads(threads);
}

}  // namespace txt2img
