import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { endChild, exitOf } from '../../stack/src/processes';
import type { Job, JobResult, Reply } from './job';

/** The load generator's process, as the benchmark sees it. */
export class LoadGenerator {
  private readonly child: ChildProcess = fork(path.join(__dirname, 'generator.js'));
  private readonly exited = exitOf(this.child);

  /** Does a job; one at a time. @throws {Error} when an answer was not 200 */
  async run(job: Job): Promise<JobResult> {
    const replied = new Promise<Reply>((resolve) => this.child.once('message', (reply: Reply) => resolve(reply)));
    this.child.send(job);
    const reply = await Promise.race([
      replied,
      this.exited.then((): Reply => ({ error: 'the load generator ended before its job' })),
    ]);
    if ('error' in reply) throw new Error(reply.error);
    return reply.result;
  }

  async stop(): Promise<void> {
    await endChild(this.child, this.exited, [['SIGTERM', 2_000]]);
  }
}
