/** The part of the reference page about pipelines that use others. */
export const uses = `A step with \`uses: pipeline\` runs the steps of another pipeline as part of this one, and a pipeline says under \`outputs\` what
others may use of it:

\`\`\`yaml
name: budgets
summary: Cross-validates two budgets, and compares all that comes of it if it is worth it
steps:
  folds:
    uses: pipeline
    matrix: { budget: [5000, 20000] }
    with:
      pipeline: att-folds
      params: { images: "\${{ matrix.budget }}" }
  all:
    uses: compare
    when: \${{ max(steps.folds.*.best) > 0.5 }}
    with: { reports: "\${{ steps.folds.*.reports }}" }
outputs:
  report: \${{ steps.all.report }}
\`\`\`

The steps within are called \`folds.train\`, and their instances have the axes of the step before their own:
\`folds.train[budget=5000,fold=1,head=dcp]\`. They are steps of the run like all others: what is in the store is reused, also if
the used pipeline made it in a run of its own; they hold and are answered, paused, forecast. \`--force folds\` means all of them,
\`--force 'folds[budget=5000]'\` one instance, \`--force folds.train\` a step; so do \`--only\` and \`npx f2c logs RUN folds\`.

- \`pipeline\` is the name of one that ships or that \`npx f2c apply\` has put into the store. A name means the newest version when
  the run starts, \`att-folds@2\` always this one, \`sha256:…\` the file of this digest. A run keeps to what it began with, and so
  does \`npx f2c resume\`; \`npx f2c show RUN\` says what that is. A path to a file is refused: the store must have all that a run uses.
- \`params\` are those of the used pipeline; values may be references and expressions of this file. Everything that is known
  before the run is checked as if the pipeline were run with it by itself, and what only the run knows, by its type.
- Besides \`with\`, the step may have \`summary\`, \`needs\`, \`each\`, \`matrix\` and \`when\`, where false skips all of it. Everything
  else is for its steps to say. A \`minSuccess\` of theirs counts their instances in the whole run.
- \`each: folds\` and \`needs: [folds]\` wait for the whole: what is missing there on purpose is no obstacle.
- An output is an artifact, a metric, or a list of them. Lists of several instances, \`steps.folds.*.reports\`, are one list.
- \`schedule\` and \`concurrency\` of a used pipeline do not count. Pipelines use each other at most ten deep, and not in a circle.`;
