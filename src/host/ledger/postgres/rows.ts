import type * as z from 'zod/mini';
import { AvmaError } from '../../../errors/avma-error.ts';

/**
 * The rows of an answer, each held against its shape.
 *
 * @throws {AvmaError} `file-invalid` for a row of another shape: somebody changed the tables.
 */
export function rowsOf<T>(schema: z.ZodMiniType<T>, rows: readonly unknown[]): T[] {
  return rows.map((row) => {
    const parsed = schema.safeParse(row);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new AvmaError(
      'file-invalid',
      `the database has a row that avma did not write (${issue?.path.join('.')})`,
      {
        hint: 'Find out who changes the tables avma_* beside avma, and restore them from a backup: docs/host.md.',
      },
    );
  });
}
