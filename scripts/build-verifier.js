// avma/verify for programs of vendors: one file as an ES module, one for require(), and the declarations of both.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

/**
 * Gives zod a configuration of its own. All copies of zod in a process share one, on globalThis: a program's would
 * change how evidence is checked, and the verifier's would change the program's checks. Its own makes no code at run
 * time, which some programs forbid.
 */
const ownZodConfiguration = {
  name: 'own-zod-configuration',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]core[\\/](core|registries)\.js$/ }, ({ path }) => ({
      contents: `const ownGlobal = { __zod_globalConfig: { jitless: true } };\n${readFileSync(path, 'utf8').replaceAll('globalThis', 'ownGlobal')}`,
      loader: 'js',
    }));
  },
};

/** Writes verify.mjs, verify.cjs, verify.d.ts and verify.d.cts of the checkout `root` into `folder`. */
export async function buildVerifier(root, folder) {
  for (const [extension, format] of [
    ['mjs', 'esm'],
    ['cjs', 'cjs'],
  ]) {
    await build({
      absWorkingDir: root,
      entryPoints: ['src/verify/verify-license.ts'],
      outfile: path.join(folder, `verify.${extension}`),
      bundle: true,
      platform: 'node',
      format,
      target: 'node20',
      plugins: [ownZodConfiguration],
      // Readable, because vendors put it into their products; but without what nobody reads.
      minifySyntax: true,
      legalComments: 'none',
      banner: { js: '// avma/verify. Apache-2.0. With zod (MIT) in it: see THIRD-PARTY.' },
      logLevel: 'warning',
    });
  }
  const declarations = `${readFileSync(path.join(root, 'src/verify/api.ts'), 'utf8')}
/** See {@link VerifyLicense}. */
export declare const verifyLicense: VerifyLicense;
`;
  for (const name of ['verify.d.ts', 'verify.d.cts']) writeFileSync(path.join(folder, name), declarations);
}
