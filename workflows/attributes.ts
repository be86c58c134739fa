import { defineSearchAttributeKey } from '@temporalio/common';
import type { ArtifactKind } from '../language/contract/step.ts';
import type { RunState } from './runTypes.ts';

/** The search attributes by which runs are found; every server that runs the product must have them. */
export const pipelineAttribute = defineSearchAttributeKey('f2cPipeline', 'KEYWORD');
export const stateAttribute = defineSearchAttributeKey('f2cState', 'KEYWORD');
/** Keys of the data sets and of the models that a run made or took from the store, once it has ended. */
const datasetAttribute = defineSearchAttributeKey('f2cDataset', 'KEYWORD_LIST');
const modelAttribute = defineSearchAttributeKey('f2cModel', 'KEYWORD_LIST');

export const searchAttributes = [pipelineAttribute, stateAttribute, datasetAttribute, modelAttribute];

/** Their types as Temporal's command line writes them. */
export const typeNames = { KEYWORD: 'Keyword', KEYWORD_LIST: 'KeywordList' };

/** As many digits as the command line shows. */
const keyDigits = 12;

/** Temporal takes 2 KB a value, and refuses the whole workflow task otherwise. */
const mostKeys = 100;

/** What a run that has ended is found by. */
export function endAttributes({ status, steps }: RunState) {
  const keysOf = (kind: ArtifactKind) => {
    const keys = steps.flatMap(({ artifact }) => (artifact?.kind === kind ? [artifact.key] : []));
    return [...new Set(keys)].slice(0, mostKeys).map((key) => key.slice(0, keyDigits));
  };
  return [
    { key: stateAttribute, value: status },
    { key: datasetAttribute, value: keysOf('dataset') },
    { key: modelAttribute, value: keysOf('model') },
  ];
}
