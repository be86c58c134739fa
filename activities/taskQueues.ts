import type { WorkflowService } from '@temporalio/client';

/** Temporal's TASK_QUEUE_TYPE_ACTIVITY. */
const activities = 2;

/** Code of gRPC: a server that is older than the list of its workers. */
const unimplemented = 12;

/** Answers stay true for so long; a watch asks twice a second. */
const freshMs = 3_000;

/** Workers tell the server once a minute that they are there. */
const silentMs = 150_000;

/** The task queues of a namespace, and whether anybody works for them. */
export class TaskQueues {
  readonly #service: WorkflowService;
  readonly #namespace: string;
  readonly #answers = new Map<string, { at: number; served: Promise<boolean> }>();

  constructor(service: WorkflowService, namespace: string) {
    this.#service = service;
    this.#namespace = namespace;
  }

  /** Whether a worker polls a queue or is busy with what it took from there. */
  isServed(queue: string): Promise<boolean> {
    const known = this.#answers.get(queue);
    if (known !== undefined && Date.now() - known.at < freshMs) return known.served;
    const served = this.#ask(queue);
    this.#answers.set(queue, { at: Date.now(), served });
    return served;
  }

  /** The server forgets after minutes who polls no more, and a worker without a free hand does not poll. */
  async #ask(queue: string): Promise<boolean> {
    const { pollers } = await this.#service.describeTaskQueue({
      namespace: this.#namespace,
      taskQueue: { name: queue },
      taskQueueType: activities,
    });
    return pollers.length > 0 || (await this.#hasWorker(queue));
  }

  async #hasWorker(queue: string): Promise<boolean> {
    try {
      const { workersInfo } = await this.#service.listWorkers({
        namespace: this.#namespace,
        query: `TaskQueue = '${queue}' AND Status = 'Running'`,
      });
      return workersInfo.some(({ workerHeartbeat }) => {
        const heard = Number(workerHeartbeat?.heartbeatTime?.seconds ?? 0) * 1_000;
        return Date.now() - heard < silentMs;
      });
    } catch (error) {
      if ((error as { code?: number }).code === unimplemented) return false;
      throw error;
    }
  }
}
