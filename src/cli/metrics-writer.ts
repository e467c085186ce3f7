import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../errors/avma-error.ts';
import type { AgentReport } from '../guest/agent/agent-environment.ts';
import { licenseMetrics } from '../guest/agent/textfile.ts';
import { replacePublicFile } from '../storage/atomic-file.ts';
import type { Settings } from './settings.ts';

/** The metrics where no other file is configured: where node_exporter's packages look, if somebody made the folder. */
export const DEFAULT_METRICS_FILE = '/var/lib/prometheus/node-exporter/avma.prom';

/** Writes the metrics after each look that would say something else. */
export function metricsWriter(
  settings: () => Settings,
  { log, event }: Pick<AgentReport, 'log' | 'event'>,
): AgentReport['looked'] {
  let written: { readonly file: string; readonly text: string } | undefined;
  let said = '';
  return (look) => {
    const file = textfileOf(settings().agent.textfile);
    if (file === undefined) return;
    const text = licenseMetrics(look);
    if (written?.file === file && written.text === text && fs.existsSync(file)) return;
    try {
      replacePublicFile(file, text);
      written = { file, text };
      said = '';
    } catch (thrown) {
      const error = toAvmaError(thrown, `cannot write ${file}`);
      if (error.message === said) return;
      said = error.message;
      log(`The metrics are not written: ${error.message} [${error.code}]. ${error.hint}`);
      event({ kind: 'report-failed', message: error.message, failure: error }, null);
    }
  };
}

function textfileOf(configured: string | undefined): string | undefined {
  if (configured !== undefined) return configured;
  return fs.existsSync(path.dirname(DEFAULT_METRICS_FILE)) ? DEFAULT_METRICS_FILE : undefined;
}
