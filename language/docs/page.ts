import type { StepRegistry } from '../contract/step.ts';
import { durationForms } from '../grammar/duration.ts';
import {
  matrixShape,
  paramShapes,
  pipelineShape,
  scheduleShape,
  stepShape,
  useShape,
} from '../grammar/grammar.ts';
import { functions } from '../plan/evaluate.ts';
import { uses } from './pageOfUses.ts';
import { objectSchema } from './schema.ts';
import { type Schema, stepKind, table } from './tables.ts';

const functionTexts: Record<(typeof functions)[number], string> = {
  min: '`min(a, b, …)`: the smallest of numbers, or of a list of them',
  max: '`max(a, b, …)`: the largest',
  mean: '`mean(a, b, …)`: the mean',
  abs: '`abs(x)`: without its sign',
  round: '`round(x)`: to a whole number, halves up; `round(x, 3)`: to three decimals',
  floor: '`floor(x)`: down to a whole number',
  ceil: '`ceil(x)`: up to a whole number',
  length: '`length(x)`: items of a list, or characters of a string',
  join: "`join(list, ', ')`: the items as one string",
};

/** The reference page of the pipeline language as Markdown: `docs/pipelines.md`. */
export function referencePage(registry: StepRegistry): string {
  const step = objectSchema(stepShape);
  const inner = (key: string) => table(step.properties?.[key] as Schema);
  return [
    '# The pipeline language',
    '<!-- Made by `npx f2c reference > docs/pipelines.md`; change `language/docs/page.ts`. -->',
    introduction,
    '## A pipeline',
    table(objectSchema(pipelineShape)),
    '## Params',
    'A param without a `default` must be given by every run.',
    ...Object.entries(paramShapes).flatMap(([name, shape]) => [`### ${name}`, table(objectSchema(shape))]),
    lists,
    artifacts,
    '## Steps',
    table(step),
    durationForms,
    '### matrix',
    matrices,
    table(objectSchema(matrixShape)),
    '### retry',
    inner('retry'),
    '### resources',
    inner('resources'),
    '### approve',
    approval,
    inner('approve'),
    '## Pipelines that use others',
    uses,
    '### with',
    table(objectSchema(useShape)),
    '## References and expressions',
    expressions,
    functions.map((name) => `- ${functionTexts[name]}`).join('\n'),
    '## What always runs',
    always,
    '## Secrets',
    secrets,
    '## When a step fails',
    failures,
    '## Schedule',
    table(objectSchema(scheduleShape)),
    '## Step kinds',
    ...Object.values(registry).flatMap(stepKind),
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

const introduction = `A pipeline is a YAML file: params, and steps that make artifacts out of each other. \`npx f2c validate FILE\` shows
everything that is wrong with one, \`npx f2c run FILE\` runs it. This one shows most of the language:

\`\`\`yaml
name: choose
summary: Trains two heads, exports the better ones, and a person lets the table be made
params:
  source: { type: string, default: "sample:att-faces", title: Images }
  images: { type: integer, minimum: 0, default: 20000 }
steps:
  faces: { uses: ingest, with: { source: "\${{ params.source }}", imageSize: 64 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
  train:
    uses: train
    matrix: { head: [dcp, fc] }
    onFailure: continue
    with:
      index: \${{ steps.people.index }}
      head: \${{ matrix.head }}
      identitiesPerStep: \${{ min(16, steps.people.trainIdentities) }}
      images: "\${{ matrix.head == 'dcp' ? params.images * 2 : params.images }}"
  model:
    uses: export
    each: train
    when: \${{ steps.train.loss < 5 }}
    with: { checkpoint: "\${{ steps.train.checkpoint }}" }
  report:
    uses: evaluate
    each: train
    with:
      index: \${{ steps.people.index }}
      model: \${{ steps.model.model }}
      label: \${{ matrix.head }}, loss \${{ round(steps.train.loss, 2) }}
  table:
    uses: compare
    approve: { timeout: 3d }
    with: { reports: "\${{ steps.report.*.report }}" }
\`\`\`

A step with a \`matrix\` has an instance for every combination of its values, \`train[head=dcp]\` and \`train[head=fc]\`; one with
\`each: train\` has an instance for every one of \`train\`. A step starts when what it needs is done: the steps that it refers to,
and those in its \`needs\`.`;

const lists = `On a command line a list is \`--param 'ratios=[0.01, 0.1]'\`. Whole lists go to params of steps that take them, to the
functions of expressions (\`length\`, \`max\`, \`join\` …), and to a matrix: \`matrix: { poolRatio: "\${{ params.ratios }}" }\` has an
instance for every item. The items of a list that is an axis must differ.`;

const artifacts = `An artifact that is in the store already is named by its key or the first twelve digits of it, as \`npx f2c artifact list\`
shows them: \`--param start=3f2a91c0d1e2\`. \`\${{ params.start }}\` is then an input like any other. The run keeps to the whole
key, and so does a resume of it.`;

const matrices = `The keys are the axes, each with the list of its values, or with one list param. Values are of any kind, also lists and maps, and
hold no references: a number stays a number, also in \`\${{ matrix.AXIS }}\`. Two keys are no axes, and choose among the combinations:

\`\`\`yaml
name: heads
summary: Trains three heads, each with the sizes of pool that suit it
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 64 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
  train:
    uses: train
    matrix:
      head: [dcp, fc]
      poolRatio: [0.1, 1]
      exclude:
        - { head: fc, poolRatio: 0.1 }
      include:
        - { head: partialFc, poolRatio: 0.05 }
    with:
      index: \${{ steps.people.index }}
      head: \${{ matrix.head }}
      poolRatio: \${{ matrix.poolRatio }}
\`\`\`

A matrix of \`include\` alone has the axes of its entries. Steps of \`each\` follow: they have an instance for what is left.

All instances are at work at once, as far as there are workers, or as many as the step's \`concurrency\` says: one that is
\`queued\` begins when another has ended, in the order in which they came. Who waits for the next attempt, a person or the end
of a pause lets others go first; results that are in the store already need no turn.`;

const approval = `A step with \`approve\` does nothing until a person has answered with \`npx f2c approve RUN STEP\` or
\`npx f2c reject RUN STEP\` (both take \`--note\`), or with the update \`answer\` in Temporal's UI, such as
\`{"step": "table", "action": "approve", "who": "ann", "note": "report read"}\`. A rejected step has failed
(\`F2C_STEP_REJECTED\`), also with \`onFailure: hold\`: somebody has said no, or nobody has said yes in time, and to hold it
would ask once more. Every run asks anew, also where the result is in the store already: the store does not know whether
somebody approved it, and what follows would go on without anybody having looked.`;

const expressions = `Inside \`\${{ }}\`:

- \`params.NAME\`, a param of the run; \`matrix.AXIS\`, this instance's value of an axis;
- \`steps.STEP.OUTPUT\`, an artifact or a metric of another step: of the instance that has the same value on every axis;
- \`steps.STEP.*.OUTPUT\`, a list: of all instances that agree on the axes that both steps have;
- \`secrets.NAME\`, where a step kind takes secrets, and \`run.status\` and the like in steps of \`always\`: see below;
- literals: \`3\`, \`0.5\`, \`1e-3\`, \`'text'\`, \`"text"\`, \`true\`, \`false\`. A string has no escapes;
- operators as in JavaScript, from the loosest to the closest: \`? :\`, \`||\`, \`&&\`, \`== !=\`, \`< <= > >=\`, \`+ -\`, \`* / %\`,
  \`! -\`; and brackets.

Names may hold \`-\`, so a minus needs blanks around it. What holds \`: \` must be in quotes for YAML's sake. Types are checked
before the run: numbers, strings, booleans and lists are not converted into each other. Whole numbers stay whole; \`/\` gives
any number. A division by zero, and what is not finite, fails the step (\`F2C_EXPRESSION_FAILED\`), or the file where it is
known before. Artifacts can be passed on and are no part of an expression. The functions:`;

const always = `The steps of \`always\` run when all steps of \`steps\` have ended, whether the run is done, has failed or was cancelled
(\`npx f2c cancel RUN\`), but not after it was terminated. They may refer to each other, to what \`steps\` have made, and in
their \`with\` and \`when\` to \`run.status\` (\`done\`, \`failed\`, \`cancelled\`), \`run.id\`, \`run.pipeline\` and \`run.error\` (a text,
empty if there is none). One that needs what was not made is skipped. What becomes of them changes nothing about how the run
ends, and their tries have an end: each is given the time of all its attempts. They have no \`approve\`, \`onFailure\` and \`minSuccess\`.
\`--only\` leaves them out unless it names them. A pipeline that is used by another runs there without its \`always\`.

\`\`\`yaml
name: weekly
summary: Ingests images, and tells how that went
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces" } }
always:
  failed:
    uses: notify
    when: \${{ run.status != 'done' }}
    with: { url: "\${{ secrets.CHAT_HOOK }}", message: "\${{ run.id }} \${{ run.status }}: \${{ run.error }}" }
  done:
    uses: notify
    with: { url: "\${{ secrets.CHAT_HOOK }}", message: "\${{ steps.faces.identities }} identities" }
\`\`\``;

const secrets = `\`\${{ secrets.NAME }}\` stands for a value that only workers know: the variable \`F2C_SECRET_NAME\` of their environment.
It is possible where a step kind says so, also inside a text (\`Bearer \${{ secrets.TOKEN }}\`), and nowhere else. Plans, keys,
Temporal's history, receipts and logs hold the name. A param of the type \`secret\` holds a name as well, \`--param hook=SLACK_HOOK\`,
so \`url: \${{ params.hook }}\` is the secret of that name. Where a worker does not have it, the step fails (\`F2C_SECRET_MISSING\`)
after its tries; set it for the workers and resume the run (one that is done cannot be: its \`always\` finds it next time). Whoever changes a value changes no key: nothing is made anew.

\`\`\`yaml
name: tell
summary: Ingests images and says so
params:
  hook: { type: secret, default: CHAT_HOOK, title: Webhook of the chat }
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces" } }
  told:
    uses: notify
    with:
      url: \${{ params.hook }}
      message: There are \${{ steps.faces.identities }} identities
      headers: { Authorization: "Bearer \${{ secrets.CHAT_TOKEN }}" }
\`\`\``;

const failures = `A step that fails for good, after the attempts of its \`retry\`, does what its \`onFailure\` says:

- \`fail\`: what depends on it is skipped, everything else is done, and the run fails. \`npx f2c resume RUN\` goes on with it.
- \`continue\`: the run goes on without it and ends \`done\`; \`npx f2c show RUN\` says what is missing.
- \`hold\`: the step waits in the same run for a person, and the run's state is \`held\`, whatever else goes on.
  An expression of it without a value, of a param or \`when\`, is such a failure as well; a rejection of \`approve\` is none.
  \`npx f2c retry RUN STEP --with name=value\` tries it again, with other params for this instance if need be;
  \`npx f2c skip RUN STEP\` goes on without it; \`npx f2c fail RUN STEP\` lets it fail. Temporal's UI can send the same as the
  update \`answer\`: \`{"step": "train[head=dcp]", "action": "retry", "with": {"learningRate": 0.01}}\`.

What depends on a step that is missing is skipped. A list of instances (\`*\`) takes those that are done, if there is one and all
others are missing on purpose: by \`continue\`, \`minSuccess\`, \`skip\` or a \`when\` that is false. \`needs\` asks for every
instance.

A step of many instances can say how many are enough: with \`minSuccess: 0.99\` the run goes on without those that fail for good,
as long as 99 of 100 are done. Those that are skipped on purpose do not count. Once all have ended and there are too few, the run
fails (\`F2C_TOO_FEW_DONE\`), and a list of all instances, of this step or of one made from it, is skipped; a list of a part of
them takes those that are done.

A step may have up to 100,000 instances. One of more than 500 is run by slices, which are workflows of their own: \`f2c show\`
and Temporal's UI have one line for it with numbers and the first failures, \`npx f2c logs RUN 'train[i=7]'\` shows what an
instance said, and \`pause\`, \`--force\`, \`--from\` and \`--only\` take the step as a whole. \`approve\` and \`onFailure: hold\`
are for steps of at most 500 instances, since a person answers for each. An expression takes at most 50,000 numbers of a list.`;
