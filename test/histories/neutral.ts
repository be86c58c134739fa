import proto from '@temporalio/proto';

const { History } = proto.temporal.api.history.v1;
type History = proto.temporal.api.history.v1.IHistory;

/** Stands where Temporal writes which process of which host did something. */
export const nobody = 'recorded';

/** A history as the text of a file, an event a line, without the names of the machine that it ran on. */
export function printHistory(history: History): string {
  const plain = History.toObject(History.fromObject(history), {
    longs: String,
    enums: String,
    bytes: String,
  });
  const events: unknown[] = plain.events;
  return `{"events":[\n${events.map((event) => JSON.stringify(neutral(event))).join(',\n')}\n]}\n`;
}

export function readHistory(text: string): History {
  return History.fromObject(JSON.parse(text));
}

function neutral(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(neutral);
  if (typeof value !== 'object' || value === null) return value;
  const isSticky = 'kind' in value && value.kind === 'TASK_QUEUE_KIND_STICKY';
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => {
      if (key === 'identity' || (isSticky && key === 'name')) return [key, nobody];
      // The lines of a stack trace are files of the machine.
      return key === 'stackTrace' ? [key, ''] : [key, neutral(part)];
    }),
  );
}

/** Everything that somebody can read in a history: its text, and that of its payloads. */
export function readable(history: string): string {
  const payloads = [...history.matchAll(/"data":"([\w+/=]*)"/g)];
  const texts = payloads.map(([, data = '']) => Buffer.from(data, 'base64').toString());
  return [history, ...texts].join('\n');
}
