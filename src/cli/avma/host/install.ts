import { openGiven } from '../../../host/holdings/decode-given.ts';
import { type Installation, installAll } from '../../../host/holdings/install.ts';
import type { GivenKind } from '../../../host/holdings/intake.ts';
import { gapSentence, type Subject, subjectsOf } from '../../../host/holdings/subjects.ts';
import type { Context } from '../context.ts';
import { readAs } from '../file-kinds.ts';
import { readInput } from '../input.ts';

/** What the commands that install a document have in common. */
export interface InstallOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Installs files of one kind in the host's folder, all or none. @throws {AvmaError} What {@link installAll} throws. */
export async function installFiles(
  context: Context,
  kind: GivenKind,
  files: readonly string[],
  dryRun: boolean,
): Promise<Installation> {
  const documents = files.map((file) =>
    readAs(file, [kind === 'certificate' ? 'host-certificate' : kind], () =>
      openGiven(kind, readInput(file), file),
    ),
  );
  return installAll(context.settings().hostFolder, documents, { now: Date.now(), dryRun });
}

/**
 * What to look out for after an installation, a sentence each: times ahead in which nothing is valid, of what was
 * installed.
 *
 * @param ids - Serials or license IDs.
 */
export function gapWarnings(
  { after }: Installation,
  kind: Subject['kind'],
  ids: readonly string[],
  now: number,
): readonly string[] {
  return subjectsOf(after.holdings, now)
    .filter((subject) => subject.kind === kind && subject.ids.some((id) => ids.includes(id)))
    .flatMap((subject) => subject.coverage.gaps.map((gap) => gapSentence(subject, gap, now)));
}
