import { AsyncResource } from 'node:async_hooks';

/**
 * Spares functions that are bound to an asynchronous resource the deprecated property `asyncResource` (DEP0172), which Node.js
 * makes for each of them from two functions with prototypes of their own. V8 keeps a map for every prototype, and through it
 * whatever the function holds, until the next full garbage collection: Fastify binds one for each body, so every such request
 * outlived its answer by seconds, and each of the frequent small collections had to copy them all (see docs/performance.md).
 * Newer versions of Node.js have no such property, and are left as they are.
 */
export function spareBoundFunctions(): void {
  const bound = new AsyncResource('probe').bind(() => undefined);
  if (!('asyncResource' in bound)) return;
  const bind = function (this: AsyncResource, work: (...args: unknown[]) => unknown) {
    const resource = this;
    return function (this: unknown, ...args: unknown[]) {
      return resource.runInAsyncScope(work, this, ...args);
    };
  };
  AsyncResource.prototype.bind = bind as typeof AsyncResource.prototype.bind;
}
