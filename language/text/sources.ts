export interface SourceText {
  text: string;
  /** File name to show; "pipeline" if the text comes from elsewhere. */
  file?: string;
}

/** The text of a pipeline file, and the digest under which it is kept as a blob. */
export interface PipelineSource extends SourceText {
  digest: string;
}

/** What a name stands for; why it stands for nothing; or that nobody could be asked. */
type Named = PipelineSource | { fault: string } | { unchecked: true };

/** The pipelines that a file uses, also those that only the used ones name, as they are named: `att-folds@2`. */
export type Pipelines = Readonly<Record<string, Named>>;
