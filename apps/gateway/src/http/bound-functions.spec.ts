import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { spareBoundFunctions } from './bound-functions';

describe('a function bound to an asynchronous resource', () => {
  const original = AsyncResource.prototype.bind;
  beforeAll(spareBoundFunctions);
  afterAll(() => {
    AsyncResource.prototype.bind = original;
  });

  it('is called as it would be, in the context of its resource', () => {
    const context = new AsyncLocalStorage<string>();
    const resource = context.run('of the request', () => new AsyncResource('test'));
    const bound = resource.bind(function (this: unknown, ...args: unknown[]) {
      return [context.getStore(), this, args];
    });
    const self = {};
    expect(context.run('of somebody else', () => bound.call(self, 1, 2))).toEqual(['of the request', self, [1, 2]]);
    expect(
      resource.bind(() => {
        throw new Error('its own');
      }),
    ).toThrow('its own');
  });

  it('has no property that would keep what it holds', () => {
    expect(new AsyncResource('test').bind(() => undefined)).not.toHaveProperty('asyncResource');
  });
});
