import { defineSearchAttributeKey } from '@temporalio/common';

/** The search attributes by which runs are found; every server that runs the product must have them. */
export const pipelineAttribute = defineSearchAttributeKey('f2cPipeline', 'KEYWORD');
export const stateAttribute = defineSearchAttributeKey('f2cState', 'KEYWORD');

export const searchAttributes = [pipelineAttribute.name, stateAttribute.name];
