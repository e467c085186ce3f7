import { bold, escaped, section, term } from './roff.ts';

/** What is read of a JSON Schema here. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly $defs?: Record<string, Schema>;
}

/** The members that a JSON Schema describes, each with its type and what it is for, those of its objects below it. */
export function schemaLines(schema: Schema, { title }: { title: string }): string[] {
  return [section(title), ...memberLines(withoutReferences(schema, schema.$defs ?? {}) as Schema, '')];
}

function memberLines({ properties = {}, required = [] }: Schema, above: string): string[] {
  return Object.entries(properties).flatMap(([name, member]) => {
    const place = `${above}${name}`;
    const kind = `${kindOf(member)}${required.includes(name) ? '' : ', optional'}`;
    const said = member.description === undefined ? '' : ` ${escaped(member.description)}`;
    const inner = alternatives(member).flatMap((one) => [
      ...memberLines(one, `${place}.`),
      ...(one.items === undefined
        ? []
        : alternatives(one.items).flatMap((item) => memberLines(item, `${place}[].`))),
    ]);
    return [...term(bold(place), `(${escaped(kind)})${said}`), ...inner];
  });
}

function alternatives(schema: Schema): readonly Schema[] {
  return schema.anyOf ?? schema.oneOf ?? [schema];
}

function kindOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.$ref !== undefined) return (schema.$ref.split('/').at(-1) ?? '').replace('.schema.json', '');
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return [...new Set(several.map(kindOf))].join(' | ');
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'anything' : kindOf(schema.items)}`;
  return [schema.type ?? 'any'].flat().join(' | ');
}

/** The schema with each reference to its own definitions replaced by what is defined. */
function withoutReferences(value: unknown, definitions: Record<string, Schema>): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutReferences(item, definitions));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref, ...others } = value as Schema;
  const name = $ref?.startsWith('#/$defs/') ? $ref.slice('#/$defs/'.length) : undefined;
  const whole = name === undefined ? value : { ...definitions[name], ...others };
  return Object.fromEntries(
    Object.entries(whole).map(([key, inner]) => [key, withoutReferences(inner, definitions)]),
  );
}
