/** What a control worker runs: Temporal wants it from one file. */
export { runFanOut } from './runFanOut.ts';
export { runPipeline } from './runPipeline.ts';
export { runSlice } from './runSlice.ts';
