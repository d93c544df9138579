// The threads that share the work of operators on the CPU. oneDNN's compute for as many as they expect, and what was
// for one that does not come stays undone: the number that is expected has to be the number that there is.
#pragma once

namespace txt2img {

// As many as asked for, in the whole process; 0: as OMP_NUM_THREADS or MKL_NUM_THREADS say, else one for each
// processor that the time of the process' control groups keeps busy. Fewer where OpenMP gives fewer (OMP_THREAD_LIMIT,
// OMP_MAX_ACTIVE_LEVELS). Returns how many.
int set_cpu_threads(int asked);

// The same number for the calling thread's work, whose teams in OpenMP are its own.
void join_cpu_threads();

}  // namespace txt2img
