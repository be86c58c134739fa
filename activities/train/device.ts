import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** What each process of a training takes of a machine: a GPU, or else one core. */
const hasGpu = existsSync('/dev/nvidia0');

/**
 * Trainings that one worker runs side by side. On a machine with several GPUs a training has one process for
 * each of them, or each has a worker of its own, told apart by CUDA_VISIBLE_DEVICES.
 */
export const trainingsAtATime = hasGpu ? 1 : availableParallelism();

/**
 * Threads of each process of a trainer; those beside GPUs share the cores. On a CPU small networks gain nothing
 * from a second thread (it mostly waits), and with one the weights do not depend on the number of cores.
 */
export function trainerThreads(processes: number): number {
  return hasGpu ? Math.max(1, Math.floor(availableParallelism() / processes)) : 1;
}
