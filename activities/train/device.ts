import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** What a training takes of a machine: a GPU, or else one core. */
const hasGpu = existsSync('/dev/nvidia0');

/**
 * Trainings that one worker runs side by side. A machine with several GPUs runs a worker for each, told apart
 * by CUDA_VISIBLE_DEVICES.
 */
export const trainingsAtATime = hasGpu ? 1 : availableParallelism();

/**
 * Threads of one trainer; null leaves it to PyTorch. On a CPU small networks gain nothing from a second thread
 * (it mostly waits), and with one the weights do not depend on the number of cores.
 */
export const trainerThreads = hasGpu ? null : 1;
