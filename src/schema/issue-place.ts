import type { z } from 'zod/mini';

/** Where JSON is not as a schema wants it, for people: `products.0.name`, or the member that nobody knows. */
export function placeOf(error: z.core.$ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'its top';
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  return [...issue.path, ...unknown].join('.') || 'its top';
}
