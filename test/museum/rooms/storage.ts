/** Bugs about storage. */
import type { Exhibit } from '../exhibit.ts'

export const STORAGE: readonly Exhibit[] = [
  {
    name: 'acknowledged-before-sync',
    does: 'syncs its disk some other time, and says meanwhile that it is done',
    system: 'NATS JetStream',
    sources: ['jepsen.io/analyses/nats-2.12.1'],
    edits: [
      {
        file: 'src/runtime/persister.ts',
        from: 'this.#parts.storage.write(mergeWrites(group))',
        to: 'this.#parts.storage.write({ ...mergeWrites(group), isUrgent: false })',
      },
    ],
    caughtBy: ['I12', 'I9', 'I10'],
  },
  {
    name: 'name-lost-with-its-directory',
    does: 'gives a file its name and does not sync the directory, so that a crash takes the file away',
    system: 'etcd',
    sources: ['etcd-io/etcd#6368'],
    edits: [
      {
        file: 'src/memory/memory-disk.ts',
        from: '    this.#onCrash = onCrash\n',
        to: '    this.#onCrash = onCrash\n    this.#named = new Set(this.files.keys())\n',
      },
      {
        file: 'src/memory/memory-disk.ts',
        from: '    this.#unsynced = []\n    this.#view = this.#durable.copy()\n',
        to: `    this.#unsynced = []
    for (const name of [...this.files.keys()]) if (!this.#named.has(name)) this.files.delete(name)
    this.#view = this.#durable.copy()\n`,
      },
      {
        file: 'src/memory/memory-disk.ts',
        from: '  #failure: RaftError | undefined\n',
        to: '  #failure: RaftError | undefined\n  #named = new Set<string>()\n',
      },
    ],
    caughtBy: ['L0'],
  },
  {
    name: 'unsynced-writes-out-of-order',
    does: 'finds of its last writes before a crash a later one without an earlier one, and cannot read its log',
    system: 'etcd',
    sources: ['etcd-io/etcd#14098', 'etcd-io/etcd#6378'],
    edits: [
      // Of one write the head reaches the disk before what it is the head of.
      {
        file: 'src/memory/memory-disk.ts',
        from: 'for (const write of this.#unsynced.slice(0, keep)) this.#durable.apply(write)',
        to: `this.#hasHole = this.#unsynced.slice(keep).some(({ blocks }) => blocks.length > 0)
    for (const write of this.#unsynced.slice(0, keep)) this.#durable.apply(write)`,
      },
      {
        file: 'src/memory/memory-disk.ts',
        from: '    this.#onCrash = onCrash\n',
        to: "    if (this.#hasHole) throw new Error('max entry size limit exceeded')\n    this.#onCrash = onCrash\n",
      },
      {
        file: 'src/memory/memory-disk.ts',
        from: '  #failure: RaftError | undefined\n',
        to: '  #failure: RaftError | undefined\n  #hasHole = false\n',
      },
    ],
    caughtBy: ['L0'],
  },
  {
    name: 'index-and-state-of-different-moments',
    does: 'writes down how far it has applied at another moment than the state that it belongs to',
    system: 'etcd 3.5',
    sources: ['etcd-io/etcd#12855', 'etcd-io/etcd#13766'],
    edits: [
      {
        file: 'src/runtime/snapshotter.ts',
        from: 'const chunks = machine.snapshot()\n',
        to: `const { clock } = this.#parts
    const chunks = (async function* () {
      await new Promise<void>((resolve) => clock.wakeAt(clock.now() + 1, resolve))
      yield* machine.snapshot()
    })()\n`,
      },
    ],
    caughtBy: ['I5', 'I10'],
  },
  {
    name: 'failed-sync-tried-again',
    does: 'tries a failed sync once more and believes that it succeeds, though the disk has forgotten the data',
    system: 'PostgreSQL, Redis, SQLite and others',
    sources: ['Rebello et al., ATC 2020'],
    edits: [
      {
        file: 'src/runtime/persister.ts',
        from: '(error) => this.#failed(error),\n    )\n  }',
        to: `() => this.#parts.storage.write({ blocks: [], isUrgent: true }).then(
        () => this.#wrote(group),
        (error) => this.#failed(error),
      ),
    )
  }`,
      },
      // After the failure the pages are clean: they are seen by reads, and never written.
      {
        file: 'src/testing/simulation/false-storage.ts',
        from: 'if (this.#disk.isThereThough()) await this.#put(write)',
        to: 'await this.#memory.write({ ...write, isUrgent: false })',
      },
      {
        file: 'src/testing/simulation/false-storage.ts',
        from: 'this.#disk.memory.failWrites(new RaftError(',
        to: 'this.#disk.failure = undefined\n    throw (new RaftError(',
      },
    ],
    caughtBy: ['I12', 'I9', 'I10'],
  },
  {
    name: 'start-refused-after-a-kill',
    does: 'does not start if it was killed between two writes, for what one says is not yet what the other says',
    system: 'dqlite',
    sources: ['canonical/dqlite#190'],
    edits: [
      {
        file: 'src/runtime/recovery.ts',
        from: '  const initialMembership =',
        to: `  const files = (await storage.snapshots.list()).map((file) => Number.parseInt(file, 10))
  if (Math.max(0, ...files) !== (snapshot?.index ?? 0)) throw new Error('the newest file is not the one recorded')
  const initialMembership =`,
      },
    ],
    caughtBy: ['L0'],
  },
]
