import { setCurrentDetails, type WorkflowInterceptors } from '@temporalio/workflow';

let details: (() => string) | undefined;

/**
 * What Temporal's own UI shows of this workflow. It is made when somebody asks: at every turn of every step, it would
 * be most of the work of a run of many, and of its replay, all in one task.
 */
export function tellDetails(make: () => string): void {
  details = make;
}

/** The worker adds these to every workflow. The SDK answers from what was set last, and gives queries a task of their own. */
export const interceptors = (): WorkflowInterceptors => ({
  internals: [
    {
      activate(input, next) {
        const isAsked = input.activation.jobs?.some(({ queryWorkflow }) => queryWorkflow);
        if (isAsked && details !== undefined) setCurrentDetails(details());
        next(input);
      },
    },
  ],
});
