import { OneQError, TID } from '@oneq/contracts';
import type { FastifyInstance } from 'fastify';
import { requireReadableType } from './body';

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * The first checks of every request, in the order the API promises: path (404), method (405), media type (415).
 * Fastify alone would read a body before it finds out that nothing is there, and knows no 405.
 */
export function checkRoutes(server: FastifyInstance): void {
  const routes: Array<{ path: RegExp; methods: string[] }> = [];

  server.addHook('onRoute', ({ url, method }) => {
    routes.push({ path: pathPattern(url), methods: [method].flat() });
  });

  server.addHook('onRequest', async (request, reply) => {
    const { tid } = (request.params ?? {}) as { tid?: string };
    // What is no payment number may still be the path of another call.
    if (request.is404 || (tid !== undefined && !TID.test(tid))) {
      const path = decoded(pathOf(request.url));
      const allowed = new Set(routes.filter((route) => route.path.test(path)).flatMap(({ methods }) => methods));
      if (allowed.size === 0) throw new OneQError('NOT_FOUND');
      reply.header('allow', [...allowed].sort().join(', '));
      throw new OneQError('METHOD_NOT_ALLOWED');
    }
    if (WITH_BODY.has(request.method)) requireReadableType(request);
  });
}

/** The path of a request target: without query and fragment, and without the host of the absolute form. */
export function pathOf(target: string): string {
  const [path = ''] = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/, 1);
  return path || '/';
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

function pathPattern(url: string): RegExp {
  const escaped = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  const segments = escaped.replace(/:tid/g, '[0-9]{1,16}').replace(/:[A-Za-z_]+/g, '[^/]+');
  return new RegExp(`^${segments.replaceAll('*', '.*')}$`);
}
