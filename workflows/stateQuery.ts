import { defineQuery } from '@temporalio/workflow';
import type { RunState } from './runTypes.ts';

export const stateQuery = defineQuery<RunState>('state');
