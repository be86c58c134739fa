/**
 * Every failure a user can meet, by its stable code. `retry` says whether trying the same thing again can
 * help: `never` (the user must change something), `always` (the environment; not counted against a step's
 * own attempts) or `counted` (the step's own failure, limited by `retry.attempts`).
 */
export const catalogue = {
  // language
  F2C_PIPELINE_INVALID: { retry: 'never', meaning: 'The pipeline file has errors.' },
  F2C_PIPELINE_UNKNOWN: { retry: 'never', meaning: 'No pipeline has this name or digest.' },
  F2C_PARAMS_INVALID: { retry: 'never', meaning: 'The params of a run do not fit the pipeline.' },
  F2C_START_INVALID: {
    retry: 'never',
    meaning: 'A run was started with something else than { pipeline, params, force, from, only, with }.',
  },
  // artifacts
  F2C_STORE_UNREACHABLE: { retry: 'always', meaning: 'The S3 server does not answer.' },
  F2C_STORE_DENIED: { retry: 'never', meaning: 'The S3 server refuses the credentials.' },
  F2C_BUCKET_MISSING: { retry: 'never', meaning: 'The S3 bucket does not exist.' },
  F2C_BLOB_MISSING: { retry: 'never', meaning: 'A blob that a manifest names is not in the store.' },
  F2C_BLOB_CORRUPT: { retry: 'never', meaning: 'A blob does not have the digest it is stored under.' },
  F2C_ARTIFACT_UNKNOWN: { retry: 'never', meaning: 'No artifact has this kind and key.' },
  F2C_CACHE_UNUSABLE: {
    retry: 'never',
    meaning: 'The local cache of downloaded files cannot be written to, or not linked from.',
  },
  F2C_CACHE_TOO_SMALL: {
    retry: 'never',
    meaning: 'The local cache cannot hold what a training needs at once.',
  },
  F2C_DISK_FULL: { retry: 'always', meaning: 'The local disk is full.' },
  // steps
  F2C_STEP_CRASHED: { retry: 'counted', meaning: 'A step failed in a way nobody foresaw.' },
  F2C_STEP_TIMEOUT: { retry: 'counted', meaning: 'A step ran longer than its timeout.' },
  F2C_WORKER_DIED: { retry: 'always', meaning: 'The worker of a step went silent.' },
  F2C_WORKER_STOPPED: { retry: 'always', meaning: 'The worker of a step was shut down.' },
  F2C_EXPRESSION_FAILED: {
    retry: 'never',
    meaning: 'An expression has no value, such as a division by zero.',
  },
  F2C_TOO_FEW_DONE: {
    retry: 'never',
    meaning: 'Fewer instances of a step are done than its `minSuccess` asks for.',
  },
  F2C_STEP_UNKNOWN: { retry: 'never', meaning: 'The run or the pipeline has no step of this name.' },
  F2C_STEP_NOT_WAITING: { retry: 'never', meaning: 'The step does not wait for an answer.' },
  F2C_STEP_REJECTED: { retry: 'never', meaning: 'A person did not approve the step, or nobody did in time.' },
  F2C_ANSWER_INVALID: { retry: 'never', meaning: 'A step that waits does not take this answer.' },
  F2C_PAUSE_INVALID: { retry: 'never', meaning: 'It is not told what to pause or to continue.' },
  F2C_NOTHING_TO_PAUSE: { retry: 'never', meaning: 'The run or the step to pause has ended.' },
  F2C_PAUSED_ALREADY: { retry: 'never', meaning: 'The run or the step is paused already.' },
  F2C_NOT_PAUSED: { retry: 'never', meaning: 'The run or the step to continue is not paused.' },
  F2C_RUN_FAILED: { retry: 'never', meaning: 'At least one step of the run failed.' },
  F2C_RUN_CANCELLED: { retry: 'never', meaning: 'The run was cancelled.' },
  F2C_RUN_TERMINATED: { retry: 'never', meaning: 'The run was ended in Temporal without being asked.' },
  F2C_SOURCE_MISSING: { retry: 'never', meaning: 'The images to ingest are not where the source says.' },
  F2C_SOURCE_INVALID: { retry: 'never', meaning: 'The source is not written in a form that is known.' },
  F2C_SOURCE_CHANGED: { retry: 'never', meaning: 'The images changed while they were being read.' },
  F2C_NO_IMAGES: { retry: 'never', meaning: 'No image of the source could be used.' },
  F2C_TOO_FEW_IDENTITIES: { retry: 'never', meaning: 'A part of the index would have too few identities.' },
  F2C_CONFIG_INVALID: { retry: 'never', meaning: 'Settings of a step do not fit each other or the data.' },
  F2C_INIT_INVALID: {
    retry: 'never',
    meaning: 'The weights to begin with cannot be read or do not fit the network.',
  },
  // Another worker of the queue may have it, so the step's own tries count, and no more than those: a name that is
  // written wrongly should not take an hour to be told.
  F2C_SECRET_MISSING: { retry: 'counted', meaning: 'The worker of a step does not have a secret.' },
  F2C_POOL_TOO_SMALL: { retry: 'never', meaning: 'The pool cannot hold the identities of one batch.' },
  F2C_OUT_OF_MEMORY: { retry: 'never', meaning: 'The training needs more memory than there is.' },
  F2C_LOSS_NOT_FINITE: { retry: 'never', meaning: 'The training loss became NaN or infinite.' },
  F2C_TRAINING_DIVERGED: {
    retry: 'never',
    meaning: 'The training loss rose further than `stopAtLossRise` allows.',
  },
  F2C_DATA_CORRUPT: {
    retry: 'never',
    meaning: 'Index, shards or checkpoint do not agree or cannot be read.',
  },
  F2C_TRAINER_DIED: { retry: 'always', meaning: 'The trainer process ended without saying why.' },
  F2C_TRAINER_STUCK: { retry: 'always', meaning: 'The trainer process went on without getting further.' },
  F2C_TRAINING_FENCED: { retry: 'always', meaning: 'Another attempt has taken over this training.' },
  F2C_NO_PROGRESS: { retry: 'never', meaning: 'A step died again and again without getting further.' },
  F2C_PARITY_FAILED: {
    retry: 'never',
    meaning: 'The exported model does not give the embeddings of the trained one.',
  },
  F2C_NOTIFY_FAILED: {
    retry: 'counted',
    meaning: 'A message could not be posted: nobody answered, or the server was busy or at fault.',
  },
  F2C_NOTIFY_REFUSED: { retry: 'never', meaning: 'The server to which a message was posted refused it.' },
  F2C_REPORTS_DIFFER: { retry: 'never', meaning: 'Reports on different benchmarks cannot be compared.' },
  // environment and command line
  F2C_PYTHON_MISSING: { retry: 'never', meaning: 'No fitting Python was found.' },
  F2C_SETUP_FAILED: { retry: 'never', meaning: 'Packages could not be installed.' },
  F2C_PORT_TAKEN: { retry: 'never', meaning: 'A port that the embedded stack needs is in use.' },
  F2C_STACK_FAILED: { retry: 'never', meaning: 'A part of the embedded stack did not start.' },
  F2C_STACK_RUNNING: { retry: 'never', meaning: 'The embedded stack of this folder is running already.' },
  F2C_STACK_DOWN: { retry: 'never', meaning: 'No embedded stack is running here.' },
  F2C_TEMPORAL_UNREACHABLE: { retry: 'always', meaning: 'The Temporal server does not answer.' },
  F2C_TEMPORAL_REFUSED: { retry: 'never', meaning: 'The Temporal server does not do what was asked.' },
  F2C_WORKER_MISSING: { retry: 'always', meaning: 'No control worker answers for the run.' },
  F2C_RUN_STUCK: { retry: 'never', meaning: 'The workflow of the run fails on its worker.' },
  F2C_RUN_UNKNOWN: { retry: 'never', meaning: 'No run has this id.' },
  F2C_RUN_NOT_RESUMABLE: { retry: 'never', meaning: 'The run is still going on or has completed.' },
  F2C_SCHEDULE_UNKNOWN: { retry: 'never', meaning: 'No schedule has this name.' },
  F2C_SCHEDULE_MISSING: { retry: 'never', meaning: 'The pipeline has no schedule.' },
  F2C_FILE_UNREADABLE: {
    retry: 'never',
    meaning: 'A file named on the command line cannot be read or written.',
  },
  F2C_FOLDER_NOT_EMPTY: { retry: 'never', meaning: 'The folder to export to holds files already.' },
  F2C_USAGE: { retry: 'never', meaning: 'The command line is not one the command knows.' },
} as const satisfies Record<string, { retry: 'never' | 'always' | 'counted'; meaning: string }>;

export type ErrorCode = keyof typeof catalogue;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(catalogue, code);
}
