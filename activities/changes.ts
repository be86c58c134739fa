import { paramChanges } from '../artifacts/explain.ts';
import { F2cError } from '../errors/failure.ts';
import { checkValue } from '../language/grammar/complaints.ts';
import { subjectOf } from '../language/grammar/fields.ts';
import type { Plan } from '../language/plan/plan.ts';
import { instancesOfRun } from '../language/plan/resolve.ts';
import type { JsonObject } from '../language/text/json.ts';
import { nearest } from '../language/text/nearest.ts';
import { own } from '../language/text/own.ts';
import { contracts } from './registry.ts';
import { secretsIn } from './secretValues.ts';

/** What a person wants to change in the params of a step that waits. */
export interface ParamsChange {
  uses: string;
  params: JsonObject;
  with: JsonObject;
}

export interface ChangedParams {
  params: JsonObject;
  /** What differs, for people: `learningRate 0.1 -> 0.02`. */
  changes: string[];
}

/** The params of a step with a person's changes, checked against its contract; F2C_ANSWER_INVALID. */
export function changeParams({ uses, params, with: changes }: ParamsChange): ChangedParams {
  const contract = own(contracts, uses);
  if (contract === undefined) throw new Error(`no step kind is named ${uses}`);
  const known = Object.keys(contract.params.shape);
  const unknown = Object.keys(changes).filter((name) => !known.includes(name));
  const complaints = unknown.map((name) => {
    if (Object.hasOwn(contract.inputs, name))
      return `\`${name}\` is an input, and only params can be changed`;
    return sentence(`\`${name}\` is not a param of \`${uses}\``, nearest(name, known));
  });
  if (complaints.length > 0) throw doNotFit(uses, complaints);
  const checked = checkValue(contract.params, { ...params, ...changes });
  if ('complaints' in checked) {
    const texts = checked.complaints.map(({ path, says, suggestion }) =>
      sentence(path.length === 0 ? `\`${uses}\` ${says}` : `\`${subjectOf(path)}\` ${says}`, suggestion),
    );
    throw doNotFit(uses, texts);
  }
  const changed = checked.value as JsonObject;
  const foreign = secretsIn(changed).filter((name) => !secretsIn(params).includes(name));
  if (foreign.length > 0) {
    // Whoever may answer a step has no business with secrets that its pipeline does not give to it.
    const names = foreign.map((name) => `\`${name}\``).join(', ');
    throw doNotFit(uses, [`The pipeline does not let the step have the secret ${names}`]);
  }
  return { params: changed, changes: paramChanges(params, changed) };
}

/** Checks the params that a plan has for single instances; F2C_PARAMS_INVALID. */
export function checkChanged(plan: Plan): void {
  const uses = new Map(instancesOfRun(plan).map(({ id, step }) => [id, step.uses]));
  for (const [id, changed] of Object.entries(plan.with ?? {})) {
    const shape = own(contracts, uses.get(id) ?? '')?.params.shape ?? {};
    for (const [name, value] of Object.entries(changed)) {
      const schema = own(shape, name);
      const checked = schema === undefined ? undefined : checkValue(schema, value);
      if (checked !== undefined && 'value' in checked) continue;
      const says = checked?.complaints[0]?.says ?? 'is not a param of it';
      throw new F2cError('F2C_PARAMS_INVALID', { what: `\`${name}\` of ${id} ${says}` });
    }
  }
}

function sentence(message: string, suggestion: string | undefined): string {
  return suggestion === undefined ? message : `${message}. Did you mean \`${suggestion}\`?`;
}

function doNotFit(uses: string, complaints: string[]): F2cError {
  const list = complaints.map((complaint) => `  ${complaint}`).join('\n');
  return new F2cError('F2C_ANSWER_INVALID', {
    what: `The changed params do not fit \`${uses}\`:\n${list}\nThe step still waits`,
  });
}
