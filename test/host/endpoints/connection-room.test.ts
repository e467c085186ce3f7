import { expect, test } from 'vitest';
import { ConnectionRoom } from '../../../src/host/endpoints/connection-room.ts';

type State = 'waiting' | 'answering' | 'writing';

/** A connection that ends as soon as it is told to. */
class Connection {
  readonly state: State;
  readonly since: number;
  ended = false;
  #end = () => {};
  readonly done = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(state: State, since: number) {
    this.state = state;
    this.since = since;
  }

  async finish(): Promise<void> {
    this.ended = true;
    this.#end();
  }

  cut(): void {
    void this.finish();
  }
}

/** Fills the room for processes with so many files, with connections of sockets of their own. */
function filled(maxFiles: number, states: readonly State[]) {
  const room = new ConnectionRoom(maxFiles);
  const connections = states.map((state, since) => new Connection(state, since));
  const admitted = connections.map((connection) => {
    const hasRoom = room.makeFor(new Set());
    if (hasRoom) room.add(connection);
    return hasRoom;
  });
  return { room, connections, admitted };
}

const times = (count: number, state: State) => Array.from({ length: count }, (): State => state);

test('a host takes no more connections than it may open files, whatever sockets they are on', () => {
  const { connections, admitted } = filled(64, times(40, 'waiting'));
  expect(admitted.every((hasRoom) => hasRoom)).toBe(true);
  const open = connections.filter(({ ended }) => !ended);
  expect(open).toHaveLength(16);
  // Those that have been silent for longest have left.
  expect(open.map(({ since }) => since)).toEqual(Array.from({ length: 16 }, (_, nth) => 24 + nth));
});

test('nobody is ended while he is answered: the newcomer is refused', () => {
  const { connections, admitted } = filled(64, times(20, 'answering'));
  expect(admitted.filter((hasRoom) => hasRoom)).toHaveLength(16);
  expect(connections.some(({ ended }) => ended)).toBe(false);
});

test('one that does not read its answers leaves only where nobody is idle', () => {
  const { room, connections } = filled(64, ['writing', 'waiting', ...times(14, 'answering')]);
  expect([room.makeFor(new Set()), connections[1]?.ended, connections[0]?.ended]).toEqual([
    true,
    true,
    false,
  ]);
  room.add(new Connection('answering', 99));
  expect([room.makeFor(new Set()), connections[0]?.ended]).toEqual([true, true]);
});

test('each socket that is listened on takes one of the files', async () => {
  const room = new ConnectionRoom(58);
  const leave = [1, 2].map(() => room.addSocket());
  const busy = times(9, 'answering').map((state, since) => new Connection(state, since));
  for (const connection of busy.slice(0, 8)) room.add(connection);
  expect(room.makeFor(new Set())).toBe(false);
  leave[0]?.();
  expect(room.makeFor(new Set())).toBe(true);
});
