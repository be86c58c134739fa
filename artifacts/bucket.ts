import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { isConflict, isLostRace, isMissing, storeFailure } from './failures.ts';

/** A small text object together with the version it was read at. */
export interface StoredText {
  text: string;
  etag: string;
}

/**
 * Small text objects of one S3 bucket and the conditional writes that everything else here stands on.
 * Errors of S3 come out as `F2cError`s.
 */
export class Bucket {
  readonly s3: S3Client;
  readonly name: string;

  constructor(s3: S3Client, name: string) {
    this.s3 = s3;
    this.name = name;
  }

  /** An object's text, or what follows its first `from` bytes. */
  async read(key: string, { from = 0 }: { from?: number } = {}): Promise<StoredText | undefined> {
    return this.ask(async () => {
      try {
        const Range = from === 0 ? undefined : `bytes=${from}-`;
        const answer = await this.s3.send(new GetObjectCommand({ Bucket: this.name, Key: key, Range }));
        return { text: (await answer.Body?.transformToString()) ?? '', etag: answer.ETag ?? '' };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  async write(key: string, text: string): Promise<void> {
    await this.ask(() => this.s3.send(new PutObjectCommand(this.text(key, text))));
  }

  async remove(key: string): Promise<void> {
    await this.ask(() => this.s3.send(new DeleteObjectCommand({ Bucket: this.name, Key: key })));
  }

  /** Writes an object that must not exist yet. Gives its etag, or undefined when it exists. */
  async create(key: string, text: string): Promise<string | undefined> {
    return this.writeIf({ ...this.text(key, text), IfNoneMatch: '*' }, text);
  }

  /** Writes over an object that must still be at `etag`. Gives the new etag, or undefined when it is not. */
  async replace(key: string, text: string, etag: string): Promise<string | undefined> {
    return this.writeIf({ ...this.text(key, text), IfMatch: etag }, text);
  }

  /** Keys under a prefix, in order. */
  async *keys(prefix: string): AsyncGenerator<string> {
    for await (const { key } of this.objects(prefix)) yield key;
  }

  /** Keys under a prefix, in order, with the objects' sizes in bytes. */
  async *objects(prefix: string): AsyncGenerator<{ key: string; size: number }> {
    const pages = paginateListObjectsV2({ client: this.s3 }, { Bucket: this.name, Prefix: prefix });
    while (true) {
      const page = await this.ask(() => pages.next());
      if (page.done === true) return;
      for (const { Key, Size = 0 } of page.value.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, size: Size };
      }
    }
  }

  /** Runs a conversation with S3 and turns its errors into those of the catalogue. */
  async ask<T>(conversation: () => Promise<T>): Promise<T> {
    try {
      return await conversation();
    } catch (error) {
      throw storeFailure(error, await this.address());
    }
  }

  private text(key: string, text: string): PutObjectCommandInput {
    return { Bucket: this.name, Key: key, Body: text, ContentType: 'application/json' };
  }

  private async writeIf(input: PutObjectCommandInput, text: string): Promise<string | undefined> {
    return this.ask(async () => {
      for (let tries = 1; ; tries++) {
        try {
          return (await this.s3.send(new PutObjectCommand(input))).ETag;
        } catch (error) {
          if (isLostRace(error)) return this.ownWrite(input.Key ?? '', text);
          if (!isConflict(error) || tries === 10) throw error;
          await sleep(50 * tries);
        }
      }
    });
  }

  /**
   * A write whose answer got lost is sent again by the SDK and then loses to itself: when the object holds
   * exactly our text, the write counts as done.
   */
  private async ownWrite(key: string, text: string): Promise<string | undefined> {
    const stored = await this.read(key);
    return stored?.text === text ? stored.etag : undefined;
  }

  private async address(): Promise<string> {
    const endpoint = await this.s3.config.endpoint?.();
    if (endpoint === undefined) return `s3://${this.name}, ${await this.s3.config.region()}`;
    const port = endpoint.port === undefined ? '' : `:${endpoint.port}`;
    return `${endpoint.protocol}//${endpoint.hostname}${port}/${this.name}`;
  }
}
