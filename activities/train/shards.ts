import { writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { Manifest } from '../../artifacts/manifest.ts';
import { F2cError } from '../../errors/failure.ts';
import type { StepContext } from '../step.ts';

/** What the trainer needs now, in its work folder; see `trainer/f2c_trainer/supply.py`. */
const wantedFile = 'wanted.json';
const wantedShards = z.object({ wanted: z.array(z.string()), kept: z.array(z.string()) });

/** Shards in flight: enough to hide the latency of S3 and to use several connections. */
const width = 8;
const pollMs = 100;
const storePauseMs = 5_000;

interface SupplySettings {
  /** An empty folder, in which the trainer waits for the shards to appear. */
  folder: string;
  /** Shards in a window of the trainer's; undefined without windows. */
  window: number | undefined;
  /** Called when a shard cannot be had, once `failure` says why. */
  onFailure: () => void;
}

/**
 * Brings the shards of an index that the trainer says it needs, several at a time and in its order, and takes away
 * those that it has done with. While the store is away it waits; the trainer goes on with what it has.
 */
export class ShardSupply {
  /** Why shards cannot be had, once that is so. F2C_CACHE_TOO_SMALL, or what went wrong with one of them. */
  failure: unknown;
  private readonly index: Manifest;
  private readonly settings: SupplySettings;
  private readonly step: StepContext;
  private readonly controller = new AbortController();
  private wanted = new Set<string>();
  /** Those that are under way or there. */
  private readonly begun = new Set<string>();
  private readonly there = new Set<string>();
  private readonly underWay = new Set<Promise<void>>();
  private readonly over: Promise<void>;

  constructor(index: Manifest, settings: SupplySettings, step: StepContext) {
    this.index = index;
    this.settings = settings;
    this.step = step;
    // Tells the trainer that a shard that is not there will come.
    writeFileSync(join(settings.folder, 'filling'), '');
    this.over = this.followWanted().catch((error) => this.fail(error));
  }

  /** Ends what is under way, and resolves when nothing touches the folder any more. */
  async stop(): Promise<void> {
    this.controller.abort();
    await this.over;
    await Promise.all(this.underWay);
  }

  private async followWanted(): Promise<void> {
    const { signal } = this.controller;
    let last = '';
    while (!signal.aborted) {
      const text = await readFile(join(this.step.workDir, wantedFile), 'utf8').catch(() => '');
      if (text !== last) {
        const told = wantedShards.parse(JSON.parse(text));
        if (last === '') checkFit(this.index, told.kept, this.settings.window, this.step.cacheBytes);
        last = text;
        await this.turnTo(told.wanted);
      }
      await wait(pollMs, undefined, { signal }).catch(() => {});
    }
  }

  private async turnTo(wanted: string[]): Promise<void> {
    this.wanted = new Set(wanted);
    for (const name of this.there) if (!this.wanted.has(name)) await this.takeAway(name);
    this.beginMore();
  }

  private beginMore(): void {
    for (const name of this.wanted) {
      if (this.underWay.size >= width || this.controller.signal.aborted) return;
      if (this.begun.has(name)) continue;
      this.begun.add(name);
      const brought = this.bring(name).catch((error) => this.fail(error));
      this.underWay.add(brought);
      brought.then(() => {
        this.underWay.delete(brought);
        this.beginMore();
      });
    }
  }

  private async bring(name: string): Promise<void> {
    const { signal } = this.controller;
    for (;;) {
      try {
        await this.step.link(this.index, shardFile(name), join(this.settings.folder, name), signal);
        break;
      } catch (error) {
        if (!(error instanceof F2cError) || error.code !== 'F2C_STORE_UNREACHABLE') throw error;
        this.step.log.warn({ err: error, shard: name }, 'a shard waits for the store');
        await wait(storePauseMs, undefined, { signal });
      }
    }
    this.there.add(name);
    if (!this.wanted.has(name)) await this.takeAway(name);
  }

  private async takeAway(name: string): Promise<void> {
    this.there.delete(name);
    await rm(join(this.settings.folder, name));
    this.begun.delete(name);
  }

  private fail(error: unknown): void {
    if (this.controller.signal.aborted) return;
    this.failure = error;
    this.controller.abort();
    this.settings.onFailure();
  }
}

/** Two windows, the one being read and the next, must fit the cache together with what is kept; else everything. */
function checkFit({ files }: Manifest, kept: string[], window: number | undefined, limit: number): void {
  const names = Object.keys(files);
  const inUse = new Set([...names.filter((name) => name.endsWith('.npy')), ...kept.map(shardFile)]);
  const bytesOf = (some: Iterable<string>) => [...some].map((name) => files[name]?.size ?? 0);
  const others = names.filter((name) => name.startsWith(shardFile('')) && !inUse.has(name));
  const largestFirst = bytesOf(others).sort((one, other) => other - one);
  const bytesWith = (count: number) =>
    [...bytesOf(inUse), ...largestFirst.slice(0, count)].reduce((sum, size) => sum + size, 0);
  const needed = bytesWith(window === undefined ? others.length : 2 * window);
  if (needed <= limit) return;

  let fitting = 0;
  while (bytesWith(2 * fitting + 2) <= limit) fitting++;
  const what = window === undefined ? `The ${others.length} shards` : `Two windows of ${window} shards`;
  const beside = kept.length === 0 ? '' : ` and the ${kept.length} of the validation`;
  throw new F2cError('F2C_CACHE_TOO_SMALL', {
    what: `${what}${beside} take ${inGib(needed)} GiB, and the local cache may take ${inGib(limit)} GiB`,
    where: 'train',
    fix:
      fitting > 0
        ? `Set \`shardWindow\` to ${fitting} at most, or raise F2C_CACHE_GIB`
        : `Raise F2C_CACHE_GIB to ${inGib(bytesWith(2))} at least and set \`shardWindow\``,
  });
}

function shardFile(name: string): string {
  return `shards/${name}`;
}

/** Rounded up, to three digits. */
function inGib(bytes: number): string {
  const gib = bytes / 2 ** 30;
  const digits = 10 ** Math.max(0, 2 - Math.floor(Math.log10(gib)));
  return String(Math.ceil(gib * digits) / digits);
}
