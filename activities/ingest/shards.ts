import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';

/** Where the bytes of an instance lie. */
export interface Location {
  shard: number;
  /** Of the JPEG's first byte, from the start of the shard. */
  offset: number;
}

interface OpenShard {
  tar: Pack;
  written: Promise<void>;
  /** Bytes so far. */
  position: number;
}

const blockSize = 512;

/**
 * Writes WebDataset shards, `shard-000000.tar` and so on: for each instance a `.jpg` and a `.cls` with the
 * number of its identity. The bytes depend on nothing but what is added.
 */
export class ShardWriter {
  readonly names: string[] = [];
  private readonly folder: string;
  /** Bytes at which the next shard begins. */
  private readonly limit: number;
  private shard: OpenShard | undefined;

  constructor(folder: string, limit: number) {
    this.folder = folder;
    this.limit = limit;
  }

  async add(instance: number, identity: number, jpeg: Buffer): Promise<Location> {
    const shard = this.shard ?? (await this.begin());
    const member = instance.toString().padStart(9, '0');
    const offset = shard.position + blockSize;
    await addMember(shard, `${member}.jpg`, jpeg);
    await addMember(shard, `${member}.cls`, Buffer.from(identity.toString()));
    const location = { shard: this.names.length - 1, offset };
    if (shard.position >= this.limit) await this.finish();
    return location;
  }

  /** Completes the last shard. */
  async finish(): Promise<void> {
    this.shard?.tar.finalize();
    await this.shard?.written;
    this.shard = undefined;
  }

  /** Lets go of the file when the work is given up. */
  async abandon(): Promise<void> {
    this.shard?.tar.destroy();
    await this.shard?.written.catch(() => undefined);
  }

  private async begin(): Promise<OpenShard> {
    const name = `shard-${this.names.length.toString().padStart(6, '0')}.tar`;
    this.names.push(name);
    await mkdir(this.folder, { recursive: true });
    const tar = pack();
    const written = pipeline(tar, createWriteStream(join(this.folder, name)));
    // Also seen by whoever adds or finishes; it must not count as unhandled before that.
    written.catch(() => undefined);
    this.shard = { tar, written, position: 0 };
    return this.shard;
  }
}

async function addMember(shard: OpenShard, name: string, content: Buffer): Promise<void> {
  const header = { name, size: content.length, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 };
  await new Promise<void>((resolve, reject) => {
    shard.tar.entry(header, content, (error) => (error ? reject(error) : resolve()));
  });
  shard.position += blockSize + Math.ceil(content.length / blockSize) * blockSize;
}
