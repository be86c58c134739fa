import { z } from 'zod';
import { secretHint, secretName } from '../contract/secretText.ts';
import { artifactKinds } from '../contract/step.ts';
import { cronFault, isTimezone, nearestTimezone } from './calendar.ts';
import { notWhole, wordFor } from './complaints.ts';
import { durationMs, durationPattern } from './duration.ts';
import type { Shape } from './fields.ts';

/** How the parts of a pipeline file are written. What they mean together is checked elsewhere. */

const durationHint = 'must be a duration such as 90s, 30m, 12h or 7d';
const duration = z
  .string({ error: () => durationHint })
  .refine((text) => durationMs(text) !== undefined, {
    error: ({ input }) => (/^0+[smhd]$/.test(String(input)) ? 'must be more than 0' : durationHint),
  })
  .meta({ pattern: durationPattern.source })
  .transform((text) => durationMs(text) ?? 0);

/** Names of steps, params and axes: what a reference can hold. */
export const namePattern = /^[A-Za-z][A-Za-z0-9_-]*$/;
const pipelineName = z
  .string()
  .max(63)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be in kebab-case, such as weekly-retraining');

/** What is no number at all is told which kind of number is wanted, as 1.5 is. */
export const wholeNumber = z.int({
  error: ({ input }) => (typeof input === 'number' ? undefined : notWhole(input)),
});

/** Temporal's servers take 400 bytes a summary, and some of it is the step's id. */
const oneLine = z.string().min(1).max(200);

export const pipelineShape = {
  name: pipelineName.describe('Name of the pipeline, in kebab-case'),
  summary: oneLine.describe('What the pipeline does, in one line'),
  params: z.record(z.string(), z.json()).default({}).describe('What a run may be given'),
  steps: z.record(z.string(), z.json()).describe('The steps, by id'),
  always: z
    .record(z.string(), z.json())
    .optional()
    .describe('Steps that run when all others have ended, however the run ends'),
  outputs: z
    .record(z.string().regex(namePattern, 'must be a name'), z.string())
    .default({})
    .describe('What other pipelines may use of this one, by name: references to what its steps make'),
  concurrency: wholeNumber
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Runs of the pipeline that go on at a time; later ones wait for their turn (without limit if not given)',
    ),
  schedule: z.record(z.string(), z.json()).optional().describe('When the pipeline runs by itself'),
} satisfies Shape;

const paramTexts = {
  title: z.string().min(1).optional().describe('Name in forms'),
  description: z.string().min(1).optional().describe('Help text in forms'),
};

const numberParam = (number: z.ZodNumber) => ({
  ...paramTexts,
  default: number.optional(),
  minimum: number.optional().describe('Smallest value'),
  maximum: number.optional().describe('Largest value'),
});

/** What the items of a list param can be. */
export const itemTypes = ['string', 'integer', 'number', 'boolean'] as const;
const itemsHint = `must be one of ${itemTypes.join(', ')}, or a map such as { type: number, minimum: 0 }`;

/** Keys of a param by its `type`. */
export const paramShapes = {
  string: {
    type: z.literal('string'),
    ...paramTexts,
    default: z.string().optional(),
    minLength: wholeNumber.min(0).optional().describe('Least number of characters'),
  },
  integer: { type: z.literal('integer'), ...numberParam(wholeNumber) },
  number: { type: z.literal('number'), ...numberParam(z.number()) },
  boolean: { type: z.literal('boolean'), ...paramTexts, default: z.boolean().optional() },
  enum: {
    type: z.literal('enum'),
    ...paramTexts,
    values: z.array(z.string()).min(1).describe('The values to choose from'),
    default: z.string().optional(),
  },
  list: {
    type: z.literal('list'),
    ...paramTexts,
    items: z
      .union([z.enum(itemTypes), z.record(z.string(), z.json())], {
        error: ({ input }) => (input === undefined ? undefined : itemsHint),
      })
      .describe(
        'Type of the items: `string`, `integer`, `number` or `boolean`; or a map of `type` and the keys of that type that limit its values, `{ type: number, minimum: 0 }`',
      ),
    default: z.array(z.json()).optional(),
    minItems: wholeNumber.min(0).optional().describe('Least number of items'),
    maxItems: wholeNumber.min(0).optional().describe('Largest number of items'),
  },
  artifact: {
    type: z.literal('artifact'),
    ...paramTexts,
    kind: z.enum(artifactKinds).describe('Kind of the artifact'),
    default: z.string().optional().describe('Its key, or the first twelve digits or more'),
  },
  secret: {
    type: z.literal('secret'),
    ...paramTexts,
    default: z
      .string({ error: () => secretHint })
      .regex(secretName, secretHint)
      .optional()
      .describe('Name of the secret, never its value'),
  },
} satisfies Record<string, Shape>;

/** Keys of the items of a list param, where they are a map. */
export function itemShape(type: (typeof itemTypes)[number]): Shape {
  const { title, description, default: byDefault, ...shape } = paramShapes[type];
  return shape;
}

const retryShape = {
  attempts: z
    .int()
    .min(1)
    .max(1000)
    .default(3)
    .describe('How often the step may fail by itself; deaths of workers do not count'),
  backoff: duration.prefault('10s').describe('Wait before the second attempt'),
  factor: z.number().min(1).max(100).default(2).describe('Growth of the wait from attempt to attempt'),
  maxBackoff: duration.optional().describe('Longest wait between two attempts; 5m if nothing is given'),
} satisfies Shape;

const resourcesShape = {
  queue: z
    .string()
    .max(200)
    .regex(namePattern, 'must be a queue name such as gpu or gpu-a100')
    .optional()
    .describe('Task queue of the workers that may run the step'),
  processesPerNode: wholeNumber
    .min(1)
    .max(256)
    .optional()
    .describe('Processes that share the work on a machine, one a GPU or a core; 1 if not given (train only)'),
} satisfies Shape;

const approveShape = {
  timeout: duration.optional().describe('How long a person has for it; without limit if not given'),
  default: z
    .enum(['reject', 'approve'])
    .default('reject')
    .describe('What happens when nobody has answered in time'),
} satisfies Shape;

/** The keys of a matrix that are no axes. */
export const matrixShape = {
  exclude: z
    .array(z.record(z.string(), z.json()))
    .min(1)
    .default([])
    .describe(
      'Combinations that are left out: all that have the values of an entry, which may name some axes only',
    ),
  include: z
    .array(z.record(z.string(), z.json()))
    .min(1)
    .default([])
    .describe(
      'Combinations beside those of the axes: an entry has a value for every axis, which need not be listed',
    ),
} satisfies Shape;

export const axisShape = z.array(z.json()).min(1);

export const stepShape = {
  uses: z.string().describe('Step kind; or `pipeline`, for the steps of another one'),
  summary: oneLine.optional().describe('What the step is for, in one line'),
  with: z.record(z.string(), z.json()).default({}).describe('Inputs and params of the step'),
  needs: z.array(z.string()).default([]).describe('Steps that must be done first, where no data says so'),
  each: z.string().optional().describe('One instance for every instance of this step'),
  matrix: z
    .record(z.string(), z.json())
    .default({})
    .describe('Axes by name; one instance for every combination of their values'),
  concurrency: wholeNumber
    .min(1)
    .max(100_000)
    .optional()
    .describe(
      'How many of its instances are at work at a time; the others are `queued` (without limit if not given)',
    ),
  retry: z.strictObject(retryShape).optional().describe('What happens after a failure'),
  timeout: duration.optional().describe('Longest time of one attempt'),
  when: z
    .string()
    .optional()
    .describe('An expression, "${{ ... }}"; where it is false, the step and what depends on it are skipped'),
  approve: z
    .strictObject(approveShape, {
      error: ({ code, input }) =>
        code === 'invalid_type' && input !== undefined
          ? `must be a map, not ${wordFor(input)}; without a time limit, write \`approve: {}\``
          : undefined,
    })
    .optional()
    .describe(
      'A person must approve the step before its work, in every run and also where its result is in the store',
    ),
  onFailure: z
    .enum(['fail', 'hold', 'continue'])
    .default('fail')
    .describe(
      'What a step that failed for good does to the run: it fails, it waits for a person, or it goes on without the step',
    ),
  minSuccess: z
    .number()
    .positive('must be a share above 0, such as 0.99')
    .max(1)
    .optional()
    .describe(
      'Share of the instances that have to be done; while it is reached, the run goes on without those that failed',
    ),
  resources: z.strictObject(resourcesShape).optional().describe('Where the step runs'),
} satisfies Shape;

/** The `with` of a step that uses a pipeline. */
export const useShape = {
  pipeline: z
    .string()
    .describe(
      'The pipeline: a name, `att-folds`, which is its newest version when a run starts, a version, `att-folds@2`, or a digest, `sha256:…`',
    ),
  params: z
    .record(z.string(), z.json())
    .default({})
    .describe('Its params, where they are not the defaults; values may be references'),
} satisfies Shape;

/** Keys of a step of `always`: what becomes of one decides nothing, and nobody is asked. */
export const alwaysShape = without(stepShape, ['approve', 'onFailure', 'minSuccess']);

function without<S extends Shape, K extends keyof S>(shape: S, keys: readonly K[]): Omit<S, K> {
  const entries = Object.entries(shape).filter(([key]) => !keys.includes(key as K));
  return Object.fromEntries(entries) as Omit<S, K>;
}

export const scheduleShape = {
  cron: z
    .string()
    .superRefine((line, context) => {
      const fault = cronFault(line);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    })
    .describe('Minute, hour, day of month, month, day of week: "0 3 * * 0" is Sundays at 03:00'),
  timezone: z
    .string()
    .superRefine((name, context) => {
      if (isTimezone(name)) return;
      const message = 'must be a time zone such as UTC or Europe/Berlin';
      context.addIssue({ code: 'custom', message, params: { suggestion: nearestTimezone(name) } });
    })
    .default('UTC')
    .describe('Time zone of the cron line'),
  overlap: z
    .enum(['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'terminateOther', 'allowAll'])
    .default('skip')
    .describe('What happens when the run before is still going on'),
  catchup: duration.prefault('1h').describe('How late a run that was missed may still start'),
  params: z.record(z.string(), z.json()).default({}).describe('Params of the scheduled runs'),
} satisfies Shape;
