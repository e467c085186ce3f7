/** The system's name for an error, for example `ENOENT`; undefined for an error without one. */
export function errnoOf(thrown: unknown): string | undefined {
  const code = (thrown as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
