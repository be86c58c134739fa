import { defineSignal } from '@temporalio/workflow';
import type { Tallies } from '../language/plan/outcomes.ts';

/** How far a slice is, told to the workflow that has started it. */
export const sliceSignal = defineSignal<[{ slice: number; tallies: Tallies }]>('sliceProgress');

/** How far all slices together are, told to the run. */
export const fanOutSignal = defineSignal<[{ unit: string; tallies: Tallies }]>('fanOutProgress');
