/**
 * `npm run record`: runs the built commands in pseudo-terminals, and writes what these showed to docs/images. Needs
 * util-linux' `script`, Debian's faketime, and a folder (record/sandbox.ts) that must not exist. `RECORD=watch npm run
 * record` makes one of the pictures.
 */
import { recordFirstBoot } from './record/first-boot.ts';
import { recordHost } from './record/host.ts';
import { recordWalk } from './record/walk.ts';
import { recordWatch } from './record/watch.ts';

const RECORDINGS: Readonly<Record<string, () => Promise<void>>> = {
  walk: recordWalk,
  watch: recordWatch,
  'first-boot': recordFirstBoot,
  host: recordHost,
};

for (const [name, record] of Object.entries(RECORDINGS)) {
  if (!process.env.RECORD || process.env.RECORD === name) await record();
}
