/**
 * Imported first by a command that checks a few small files and ends: zod then interprets its schemas. Otherwise it
 * compiles a function for each object schema at its first use, which pays only where the schema is used often.
 */
import * as z from 'zod/mini';

z.config({ jitless: true });
