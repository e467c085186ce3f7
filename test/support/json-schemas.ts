import fs from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const FOLDER = path.resolve(import.meta.dirname, '../../docs/schemas');
const ENDING = '.schema.json';

/** The schemas of files and of what other programs are given: no command prints them. */
export const FILE_SCHEMAS: readonly string[] = [
  'agent-socket',
  'catalog',
  'config',
  'host-config',
  'license',
  'license-change',
  'setup',
  'usage-report',
];

const ALL_NAMES = fs
  .readdirSync(FOLDER)
  .filter((file) => file.endsWith(ENDING))
  .map((file) => file.slice(0, -ENDING.length));

/** The names of the schemas in docs/schemas that a command's output can have. */
export const SCHEMA_NAMES: readonly string[] = ALL_NAMES.filter(
  (name) => name !== 'common' && !FILE_SCHEMAS.includes(name),
).sort();

function compileAll(): Ajv2020 {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  for (const name of ALL_NAMES) {
    ajv.addSchema(JSON.parse(fs.readFileSync(path.join(FOLDER, name + ENDING), 'utf8')));
  }
  return ajv;
}

const schemas = compileAll();

/** Of the schemas that are not the first of their name. */
const VERSIONS: Readonly<Record<string, number>> = { 'host-status': 2 };

/**
 * The command's output as an object, held against the schema that it names.
 *
 * @throws {Error} with everything that is wrong, also when no file describes the schema.
 */
export function parseBySchema(stdout: string, name: string): Record<string, unknown> {
  const value = JSON.parse(stdout) as Record<string, unknown>;
  const schema = `avma.${name}/${VERSIONS[name] ?? 1}`;
  if (Object.keys(value)[0] !== 'schema' || value['schema'] !== schema) {
    throw new Error(
      `the output is ${JSON.stringify(value['schema'])}, not ${schema}, or does not begin with it`,
    );
  }
  const validate = schemas.getSchema(name + ENDING);
  if (validate === undefined) throw new Error(`docs/schemas has no ${name}${ENDING}`);
  if (validate(value) !== true) throw new Error(`${name}: ${schemas.errorsText(validate.errors)}\n${stdout}`);
  return value;
}

/** What is wrong with a value by one of the schemas in docs/schemas; null when nothing is. */
export function schemaErrors(value: unknown, name: string): string | null {
  const validate = schemas.getSchema(name + ENDING);
  if (validate === undefined) throw new Error(`docs/schemas has no ${name}${ENDING}`);
  return validate(value) === true ? null : schemas.errorsText(validate.errors);
}
