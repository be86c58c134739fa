import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { F2cError } from '../errors/failure.ts';
import { readRecord, writeRecord } from './record.ts';

export const portNames = [
  'temporal',
  'temporalUi',
  's3',
  's3Master',
  's3Volume',
  's3Filer',
  's3Admin',
] as const;
type PortName = (typeof portNames)[number];
export type Ports = Record<PortName, number>;

const fixedBy: Partial<Record<PortName, string>> = {
  temporal: 'F2C_TEMPORAL_PORT',
  temporalUi: 'F2C_TEMPORAL_UI_PORT',
  s3: 'F2C_S3_PORT',
};

/** SeaweedFS serves gRPC on each of its ports + 10000. */
const grpcOffset = 10_000;
/** Both halves of a pair lie below 32768, where systems begin to hand out ports to clients. */
const lowest = 11_000;
const highest = 22_700;

/** The ports of a home: fixed by the user, else those of the last start, else free ones. */
export async function choosePorts(home: string, env: NodeJS.ProcessEnv = process.env): Promise<Ports> {
  const record = readRecord(home);
  const chosen: Partial<Ports> = {};
  const used = new Set<number>();
  for (const name of portNames) {
    const fixed = fixedPort(name, env);
    if (fixed !== undefined && !(await usable(name, fixed, used))) {
      throw new F2cError('F2C_PORT_TAKEN', {
        what: `Port ${fixed} is in use by another program`,
        where: fixedBy[name],
        fix: `Stop that program, or set ${fixedBy[name]} to another port`,
      });
    }
    const kept = record.ports?.[name];
    const port =
      fixed ??
      (kept !== undefined && (await usable(name, kept, used)) ? kept : await findFreePort(name, used));
    for (const taken of portsOf(name, port)) used.add(taken);
    chosen[name] = port;
  }
  const ports = chosen as Ports;
  writeRecord(home, { ...record, ports });
  return ports;
}

function fixedPort(name: PortName, env: NodeJS.ProcessEnv): number | undefined {
  const variable = fixedBy[name];
  const text = variable === undefined ? undefined : env[variable];
  if (variable === undefined || text === undefined || text === '') return undefined;
  const port = Number(text);
  const most = name.startsWith('s3') ? 65_535 - grpcOffset : 65_535;
  if (!/^\d+$/.test(text) || port < 1 || port > most) {
    throw new F2cError('F2C_USAGE', {
      what: `"${text}" is not a port from 1 to ${most}`,
      where: variable,
      fix: `Set ${variable} to a free port, or leave it out`,
    });
  }
  return port;
}

async function findFreePort(name: PortName, used: Set<number>): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = randomInt(lowest, highest);
    if (await usable(name, port, used)) return port;
  }
  throw new F2cError('F2C_PORT_TAKEN', {
    what: `No free port was found between ${lowest} and ${highest}`,
    fix: 'Stop programs that hold ports there',
  });
}

async function usable(name: PortName, port: number, used: Set<number>): Promise<boolean> {
  for (const each of portsOf(name, port)) {
    if (used.has(each) || !(await isFree(each))) return false;
  }
  return true;
}

function portsOf(name: PortName, port: number): number[] {
  return name.startsWith('s3') ? [port, port + grpcOffset] : [port];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
