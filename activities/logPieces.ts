import { appendFileSync, closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Bucket } from '../artifacts/bucket.ts';
import { type Attempt, lastPiece, logLimits, pieceKey } from '../artifacts/logs.ts';

const { pieceBytes, headPieces, tailPieces } = logLimits;

const uploadEveryMs = 3_000;

/** A step must not wait for long for a store that does not answer. */
const lastUploadMs = 10_000;

interface Settings {
  /** Does not exist yet. */
  folder: string;
  bucket: Bucket;
  /** Told once each time that the store takes nothing. The pieces stay, and are sent when it does. */
  onFailure: (error: unknown) => void;
}

/** A piece that is on the disk; `size` and what of it is in the store in bytes. */
interface LocalPiece {
  number: number;
  path: string;
  file: number;
  size: number;
  sent: number;
}

/**
 * The log of one attempt: lines go to a file at once, and every few seconds to the store. It is cut into
 * pieces; the newest is sent again whenever it has grown. Of a log that grows too large the pieces in the
 * middle are given up, so that disk and store hold a bounded part of it.
 */
export class LogPieces {
  private readonly attempt: Attempt;
  private readonly settings: Settings;
  private readonly timer: NodeJS.Timeout;
  private readonly local = new Set<LocalPiece>();
  private readonly stored = new Set<number>();
  private newest: LocalPiece;
  /** Pieces that the same attempt had before, if someone has set it back in Temporal's UI. */
  private before: number | undefined;
  private sending: Promise<void> | undefined;
  private failing = false;

  constructor(attempt: Attempt, settings: Settings) {
    this.attempt = attempt;
    this.settings = settings;
    mkdirSync(settings.folder);
    this.newest = this.create(1);
    this.timer = setInterval(() => void this.send(), uploadEveryMs);
  }

  /** Takes one line with its end. A line that the disk has no room for is lost, and the step goes on. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    try {
      if (this.newest.size > 0 && this.newest.size + bytes > pieceBytes) this.beginNext();
      appendFileSync(this.newest.file, line);
      this.newest.size += bytes;
    } catch {
      ftruncateSync(this.newest.file, this.newest.size);
    }
  }

  /** Sends what is not in the store yet; nothing may be written afterwards. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    const sent = (this.sending ?? Promise.resolve()).then(() => this.send());
    await Promise.race([sent, wait(lastUploadMs, undefined, { ref: false })]);
    closeSync(this.newest.file);
  }

  private create(number: number): LocalPiece {
    const path = join(this.settings.folder, `${number}.jsonl`);
    const piece = { number, path, file: openSync(path, 'a'), size: 0, sent: 0 };
    this.local.add(piece);
    return piece;
  }

  private beginNext(): void {
    const full = this.newest;
    this.newest = this.create(full.number + 1);
    closeSync(full.file);
    for (const piece of this.local) if (this.isGivenUp(piece.number)) this.forget(piece);
  }

  private isGivenUp(number: number): boolean {
    return number > headPieces && number <= this.newest.number - tailPieces;
  }

  /** Removes a piece from the disk. */
  private forget(piece: LocalPiece): void {
    this.local.delete(piece);
    rmSync(piece.path);
  }

  private send(): Promise<void> {
    this.sending ??= this.sendAll()
      .then(() => {
        this.failing = false;
      })
      .catch((error) => {
        if (!this.failing) this.settings.onFailure(error);
        this.failing = true;
      })
      .finally(() => {
        this.sending = undefined;
      });
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    const { bucket } = this.settings;
    for (const piece of this.local) {
      const { path, number, size, sent } = piece;
      if (size > sent) {
        await this.store(number, readFileSync(path, 'utf8'));
        piece.sent = size;
        this.stored.add(number);
      }
      const isFull = piece !== this.newest;
      if (isFull && piece.sent === piece.size && this.local.has(piece)) this.forget(piece);
    }
    for (const number of this.stored) {
      if (!this.isGivenUp(number)) continue;
      await bucket.remove(this.keyOf(number));
      this.stored.delete(number);
    }
  }

  private async store(number: number, text: string): Promise<void> {
    const { bucket } = this.settings;
    if (this.before === undefined) {
      const isNew = (await bucket.create(this.keyOf(number), text)) !== undefined;
      this.before = isNew ? 0 : await this.piecesBefore(number, text);
      if (isNew) return;
    }
    await bucket.write(this.keyOf(number), text);
  }

  /** What is there may be ours, if the store took it and could not say so. */
  private async piecesBefore(number: number, text: string): Promise<number> {
    const { bucket } = this.settings;
    const stored = await bucket.read(this.keyOf(number));
    return stored !== undefined && text.startsWith(stored.text) ? 0 : await lastPiece(bucket, this.attempt);
  }

  private keyOf(number: number): string {
    return pieceKey(this.attempt, (this.before ?? 0) + number);
  }
}
