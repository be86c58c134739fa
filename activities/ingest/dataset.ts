import { join } from 'node:path';
import { F2cError } from '../../errors/failure.ts';
import type { Made } from '../step.ts';
import type { DatasetFacts } from './facts.ts';
import { ShardWriter } from './shards.ts';
import type { DatasetTables } from './tables.ts';

/** What became of one entry of the source. */
export type Outcome =
  | { source: string; reason: string }
  | { source: string; identity: string; jpeg: Buffer; sha256: string };

/** A dataset in the making. Numbers instances and identities in the order in which outcomes are added. */
export class DatasetWriter {
  readonly facts: DatasetFacts;
  private readonly folder: string;
  private readonly tables: DatasetTables;
  private readonly shards: ShardWriter;
  private identity = { name: '', count: 0 };

  constructor(folder: string, tables: DatasetTables, form: { imageSize: number; shardMiB: number }) {
    this.folder = folder;
    this.tables = tables;
    this.shards = new ShardWriter(join(folder, 'shards'), form.shardMiB * 2 ** 20);
    this.facts = {
      imageSize: form.imageSize,
      identities: 0,
      instances: 0,
      rejected: 0,
      shards: this.shards.names,
      bytes: 0,
    };
  }

  /** Entries of the source that were added, taken or not. */
  get seen(): number {
    return this.facts.instances + this.facts.rejected;
  }

  /** Instances of one identity must come one after the other. */
  async add(outcome: Outcome): Promise<void> {
    if ('reason' in outcome) {
      this.tables.addRejected(outcome.source, outcome.reason);
      this.facts.rejected++;
      return;
    }
    const { source, identity: name, jpeg, sha256 } = outcome;
    if (name !== this.identity.name) this.beginIdentity(name);
    const identity = this.facts.identities - 1;
    const instance = this.facts.instances;
    const location = await this.shards.add(instance, identity, jpeg);
    this.tables.addInstance({ instance, identity, ...location, length: jpeg.length, sha256, source });
    this.identity.count++;
    this.facts.instances++;
    this.facts.bytes += jpeg.length;
  }

  /** Completes all files. F2C_NO_IMAGES if there is nothing but rejected entries. */
  async finish(source: string): Promise<Made> {
    if (this.facts.instances === 0) throw await this.noImages(source);
    this.endIdentity();
    await this.shards.finish();
    const files = await this.tables.write(this.folder);
    for (const name of this.shards.names) files[`shards/${name}`] = join(this.folder, 'shards', name);
    const { identities, instances, rejected } = this.facts;
    return { files, facts: { ...this.facts }, metrics: { identities, instances, rejected } };
  }

  /** Lets go of open files when the work is given up. */
  abandon(): Promise<void> {
    return this.shards.abandon();
  }

  private beginIdentity(name: string): void {
    this.endIdentity();
    this.identity = { name, count: 0 };
    this.facts.identities++;
  }

  private endIdentity(): void {
    const { name, count } = this.identity;
    if (count > 0) this.tables.addIdentity(this.facts.identities - 1, name, count);
  }

  private async noImages(source: string): Promise<F2cError> {
    const reasons = await this.tables.commonReasons();
    const list = reasons.map(({ reason, count }) => `${reason} (${count})`).join('; ');
    return new F2cError('F2C_NO_IMAGES', {
      what:
        this.facts.rejected === 0
          ? 'The source is empty'
          : `None of the ${this.facts.rejected} files of the source can be used: ${list}`,
      where: source,
      fix: 'A source has one folder per identity, with its images in it',
    });
  }
}
