/** `npm run docs`: writes the parts of docs/ that are made from tables of the code. */
import fs from 'node:fs';
import path from 'node:path';
import { generatedDocs } from './generated-docs.ts';

const root = process.cwd();
for (const { file, text } of generatedDocs(root)) {
  const target = path.join(root, file);
  const isNew = !fs.existsSync(target) || fs.readFileSync(target, 'utf8') !== text;
  if (isNew) fs.writeFileSync(target, text);
  console.log(`${file}: ${isNew ? 'written' : 'up to date'}`);
}
