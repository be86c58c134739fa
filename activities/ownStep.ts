/** `f2c/step`: everything that step kinds outside of this package are made of (docs/own-steps.md). */

export { z } from 'zod';
export { artifact, artifacts, defineStep, metric, optionalArtifact } from '../language/contract/step.ts';
export { implement, type Made, type StepContext } from './step.ts';
