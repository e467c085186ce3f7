/**
 * Writes the list of the frozen set anew, of every vector that is there: npm run vectors:freeze. After a release this
 * is for the vectors of a new version of the protocol only.
 */
import fs from 'node:fs';
import path from 'node:path';
import { FROZEN_FILE, frozenText, presentFiles } from './frozen.ts';

const folder = path.join(process.cwd(), 'test', 'vectors');
fs.writeFileSync(path.join(folder, FROZEN_FILE), frozenText(presentFiles(folder)));
