import { type Discovery, discoverPipe } from '../../../pipe/discovery.ts';
import { systemEnvironment } from '../../../pipe/environment.ts';
import type { Field } from '../table.ts';

/** The pipe that a command uses, and where its URI came from. */
export interface PipeChoice {
  readonly uri: string | null;
  readonly from: 'argument' | 'configured' | 'found' | 'not found';
  /** The pipes that were looked for; empty when an argument names the pipe. */
  readonly candidates: Discovery['candidates'];
}

/** The pipe that an argument names, else the configured one, else the one that is found. Opens nothing. */
export function choosePipe(named: string | undefined, configured: string | undefined): PipeChoice {
  if (named !== undefined) return { uri: named, from: 'argument', candidates: [] };
  const { uri, candidates } = discoverPipe(systemEnvironment());
  if (configured !== undefined) return { uri: configured, from: 'configured', candidates };
  return { uri, from: uri === null ? 'not found' : 'found', candidates };
}

/** The pipes that were looked for, one row each. */
export function candidateFields({ from, candidates }: PipeChoice, heading = ''): Field[] {
  return candidates.map(({ uri, verdict, reason }, index) => {
    const name = uri.replace(/:$/, '');
    const taken = verdict === 'chosen' && from === 'found' ? 'taken, ' : '';
    return [index === 0 ? heading : '', `${name}: ${taken}${reason}`];
  });
}
