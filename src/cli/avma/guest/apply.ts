import { Command } from 'commander';
import { CODES } from '../../../errors/codes.ts';
import { exitStatusOf } from '../../../errors/hresult.ts';
import type { AppliedValue, SetupReport } from '../../../setup/apply.ts';
import { valueName } from '../../../setup/choice.ts';
import type { SetupOutcome } from '../../../setup/outcome.ts';
import type { Candidate } from '../../../setup/places.ts';
import type { Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { errorJson } from '../report-json.ts';
import { type Cell, type Field, formatFields } from '../table.ts';

/** What `avma guest apply` takes. */
interface ApplyCommandOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly scrub?: boolean;
  readonly activate: boolean;
}

/** `avma guest apply`. */
export function applyCommand(context: Context): Command {
  return new Command('apply')
    .description('Apply what an answer file, a setup file, the hypervisor or the image gives this machine')
    .argument('[file]', 'an unattend.xml, or a setup in YAML or JSON; - reads it from stdin')
    .option('--dry-run', 'say what would be applied and why; change nothing')
    .option('--scrub', 'then replace the key in the file by *SENSITIVE*DATA*DELETED*, as Windows Setup does')
    .option('--no-activate', 'install the key and leave its activation to the agent')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Without a file it looks in these places; the first one with a key gives the key:
  1. /etc/avma/setup.yaml, setup.yml, setup.json
  2. systemd credentials avma.key, avma.pipe, avma.trust
  3. Hyper-V Data Exchange: items avma.key, avma.pipe, avma.trust
  4. cloud-init user-data: the member avma
  5. /etc/avma/autounattend.xml, unattend.xml
  6. removable media: avma-setup.yaml, autounattend.xml, unattend.xml at their root;
     until this machine has a key

What was applied once is not applied again: running it twice changes nothing, and a key that
was installed by hand afterwards stays.

The outcome is key, none, placeholder, malformed, invalid or conflict. Exit status: 0 for key
and none, also when the activation failed; 65 for the others and for a key that no catalog lists.

Examples:
  avma guest apply --dry-run
  avma guest apply /media/cdrom/autounattend.xml
  avma guest apply --scrub /etc/avma/unattend.xml
  avma guest apply --json | jq -r .outcome`,
    )
    .action((file: string | undefined, options: ApplyCommandOptions) => apply(context, file, options));
}

/** The whole result: what the JSON holds and the table is made from. */
interface ApplyResult {
  readonly report: SetupReport;
  readonly dryRun: boolean;
  /** How the activation of a key that was installed now went; null where none was tried. */
  readonly activation: Activation | null;
  /** The files in which the key was replaced. */
  readonly scrubbed: readonly string[];
}

type Activation = Awaited<ReturnType<typeof import('./apply-run.ts').activateGiven>>;

async function apply(
  context: Context,
  file: string | undefined,
  { dryRun = false, json = false, scrub = false, activate }: ApplyCommandOptions,
): Promise<void> {
  // The readers of XML and YAML are large, and no other command needs them.
  const run = await import('./apply-run.ts');
  const report = await run.applySetup(context, { file, dryRun, scrub });
  const { activationId } = report;
  const activation =
    activate && activationId !== null ? await run.activateGiven(context, activationId) : null;
  const scrubbed = scrub && !dryRun ? run.scrubGiven(report) : [];
  const result: ApplyResult = { report, dryRun, activation, scrubbed };
  if (json) writeJson('avma.guest-apply/1', toJson(result));
  else show(context, result);
  context.setExitStatus(statusOf(report));
}

/** Outcomes with which somebody has to change something. */
const TROUBLE: readonly SetupOutcome[] = ['placeholder', 'malformed', 'invalid', 'conflict'];

/** 0, or the status of what went wrong. A file whose key was applied and then removed is as it should be. */
function statusOf({ outcome, values, alreadyScrubbed }: SetupReport): number {
  const failed = values.find(({ error }) => error !== null)?.error;
  if (failed !== null && failed !== undefined) return exitStatusOf(failed.hresult, process.platform);
  if (!TROUBLE.includes(outcome) || alreadyScrubbed) return 0;
  return exitStatusOf(CODES['file-invalid'].hresult, process.platform);
}

function toJson({ report, dryRun, activation, scrubbed }: ApplyResult): object {
  const { outcome, why, where, partialProductKey, candidates, values } = report;
  return {
    outcome,
    why,
    where,
    partialProductKey,
    dryRun,
    candidates: candidates.map(candidateJson),
    applied: values.map(({ what, origin, result, error }) => ({
      what,
      origin,
      result,
      error: error === null ? null : errorJson(error),
    })),
    activation:
      activation === null
        ? null
        : {
            activationId: activation.activationId,
            licensed: activation.error === null,
            error: activation.error === null ? null : errorJson(activation.error),
          },
    scrubbed,
  };
}

function candidateJson({ kind, place, present, finding, values }: Candidate): object {
  const { outcome, why, where, key, places } = finding;
  return {
    kind,
    place,
    present,
    outcome,
    why,
    where,
    partialProductKey: key?.slice(-5) ?? null,
    gives: Object.keys(values),
    places,
  };
}

function show(context: Context, { report, dryRun, activation, scrubbed }: ApplyResult): void {
  const { outcome, why, where, candidates, values } = report;
  const good = outcome === 'key' ? 'good' : outcome === 'none' ? 'plain' : 'bad';
  const present = candidates.filter((candidate) => candidate.present);
  const fields: Field[] = [
    ['Outcome', { tone: good, text: outcome }],
    ['Why', why],
    ...(where === null ? [] : ([['Where', where]] as Field[])),
    ...(candidates.length < 2 ? [] : present).map(
      (candidate, at): Field => [at === 0 ? 'Found' : '', candidateCell(candidate)],
    ),
    ...values.map(
      (value, at): Field => [at === 0 ? (dryRun ? 'Would apply' : 'Applied') : '', valueCell(value)],
    ),
  ];
  writeData(formatFields(fields, context.style));
  const looked = candidates.filter((candidate) => !candidate.present).map(({ place }) => place);
  if (present.length === 0 && looked.length > 0) say(`Looked for a setup in vain: ${looked.join(', ')}.`);
  for (const { error } of values) if (error !== null) say(error.hint);
  if (!report.alreadyScrubbed) say(...nextStepAfter(outcome));
  if (activation !== null) say(...activation.sentences);
  for (const file of scrubbed) say(`Replaced the key in ${file}.`);
  if (dryRun) say('Nothing was changed.');
}

/** What somebody has to do about the outcome; nothing for one with which all is well. */
function nextStepAfter(outcome: SetupOutcome): string[] {
  const steps: Partial<Record<SetupOutcome, string>> = {
    placeholder: 'Write the product key there, then run avma guest apply again.',
    malformed:
      'Write a product key there, five groups of five letters and digits, then run avma guest apply again.',
    invalid: 'Correct the file, then run avma guest apply again.',
    conflict: 'Leave one of the keys, or the same key in both, then run avma guest apply again.',
  };
  const step = steps[outcome];
  return step === undefined ? [] : [step];
}

function candidateCell({ place, finding, values }: Candidate): Cell {
  const others = Object.keys(values);
  const more = others.length === 0 ? '' : `; gives ${others.join(', ')}`;
  return `${place}: ${finding.outcome}, ${finding.why}${more}`;
}

function valueCell({ what, origin, result, error }: AppliedValue): Cell {
  if (error !== null)
    return { tone: 'bad', text: `${valueName(what)} from ${origin}: not applied, ${error.message}` };
  const done = {
    applied: 'applied',
    unchanged: 'applied before, unchanged',
    'would-apply': 'would be applied',
  };
  return `${valueName(what)} from ${origin}: ${result === 'failed' ? 'failed' : done[result]}`;
}
