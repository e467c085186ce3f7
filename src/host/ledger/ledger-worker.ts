/** The thread that writes a ledger: a commit waits for the disk here, and the host goes on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { keepMemorySmall } from '../../system/quiet-memory.ts';
import { answerCalls } from '../../system/worker-calls.ts';
import { answersAsText, type LedgerCall, type LedgerReply, type LedgerThreadData } from './ledger-calls.ts';
import { SqliteEngine } from './sqlite/sqlite-engine.ts';
import { loadSqlite } from './sqlite/sqlite-file.ts';

const { file, host, known } = workerData as LedgerThreadData;
const said: string[] = [];
let engine: SqliteEngine | undefined;

async function opened(): Promise<SqliteEngine> {
  const open = await loadSqlite();
  engine ??= new SqliteEngine({ file, host, known, open, notify: (sentence) => said.push(sentence) });
  return engine;
}

async function answer(call: LedgerCall): Promise<unknown> {
  const one = await opened();
  switch (call.do) {
    case 'open':
      return { head: one.head, answers: answersAsText(one.answers()) };
    case 'write':
      return one.write(call.records);
    case 'answer':
      return one.answer(call.seq);
    case 'save-checkpoint':
      return one.saveCheckpoint(call.checkpoint);
    case 'fold':
      return one.fold(call.plan);
    case 'close':
      return one.close();
  }
}

if (parentPort !== null) {
  let calls = 0;
  keepMemorySmall(() => calls);
  answerCalls<LedgerCall, LedgerReply>(parentPort, async (call) => {
    calls++;
    const result = await answer(call);
    return { result, said: said.splice(0) };
  });
}
