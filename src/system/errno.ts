/** The system's name of an error, as `ENOENT`. */
export function errnoOf(thrown: unknown): string | undefined {
  const code = (thrown as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
