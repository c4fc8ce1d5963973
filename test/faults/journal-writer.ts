import { type FileHandle, open } from 'node:fs/promises';
import type { JournalLine } from '../../audit/journal';

/** Writes answers down before their receiver goes on: a line is on disk when {@link write} resolves. */
export class JournalWriter {
  lines = 0;
  private waiting: Array<{ readonly text: string; readonly written: () => void }> = [];
  private writing: Promise<void> | undefined;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
  ) {}

  static async open(path: string): Promise<JournalWriter> {
    return new JournalWriter(path, await open(path, 'a'));
  }

  async write(line: JournalLine): Promise<void> {
    const written = new Promise<void>((resolve) => {
      this.waiting.push({ text: `${JSON.stringify(line)}\n`, written: resolve });
    });
    this.lines += 1;
    this.writing ??= this.flush();
    await written;
  }

  async close(): Promise<void> {
    await this.writing;
    await this.file.close();
  }

  /** One fsync for all that came while the last one went on. */
  private async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0);
      await this.file.appendFile(batch.map(({ text }) => text).join(''));
      await this.file.sync();
      for (const { written } of batch) written();
    }
    this.writing = undefined;
  }
}
