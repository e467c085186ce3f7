import url from 'node:url';
import { AvmaError } from '../errors/avma-error.ts';
import { errnoOf } from '../system/errno.ts';

/**
 * Loads the module of a `module:` pipe in the executable, where `import()` does not work. `require` of Node 24 loads ES
 * modules too, except those that wait at their top level.
 *
 * @throws {AvmaError} `pipe-uri-invalid` for one of those.
 */
export async function importModule(fileUrl: string): Promise<unknown> {
  const file = url.fileURLToPath(fileUrl);
  try {
    const loaded = process.getBuiltinModule('node:module').createRequire(file)(file);
    return Object.prototype.toString.call(loaded) === '[object Module]' ? loaded : { default: loaded };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ERR_REQUIRE_ASYNC_MODULE') {
      throw new AvmaError('pipe-uri-invalid', `${file} waits (await) at its top level`, {
        cause: thrown,
        hint: 'The executable loads no such module. Wait inside of its default export.',
      });
    }
    if (errnoOf(thrown) !== 'MODULE_NOT_FOUND') throw thrown;
    throw Object.assign(new Error(`Cannot find module '${file}'`, { cause: thrown }), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
  }
}
