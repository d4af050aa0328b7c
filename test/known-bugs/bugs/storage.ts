/** Bugs in storage, and in starting from what a crash left on the disk. */
import type { FaultPlan } from '../../../src/testing/simulation/faults.ts'
import { networkFaultsOf, THREE_VOTERS, withoutMembershipChanges } from '../conditions.ts'
import type { KnownBug } from '../known-bug.ts'

/** n0 misses entries that n1 and n2 commit; then n1 loses power while n2 is unreachable. */
const LAGGING_WIPED_AND_UNREACHABLE: FaultPlan = [
  { type: 'partition', atMs: 600, side: [0], forMs: 800 },
  { type: 'partition', atMs: 1380, side: [2], forMs: 1500 },
  { type: 'crash', atMs: 1390, node: 1, isHard: true, forMs: 5 },
]

export const STORAGE: readonly KnownBug[] = [
  {
    name: 'acknowledged-before-sync',
    does: 'acknowledges writes before it has synced its disk',
    system: 'NATS JetStream',
    sources: ['jepsen.io/analyses/nats-2.12.1'],
    edits: [
      {
        file: 'src/runtime/pipeline/persister.ts',
        from: 'storage.write(mergeWrites(group))',
        to: 'storage.write({ ...mergeWrites(group), isUrgent: false })',
      },
    ],
    detectedBy: ['I12', 'I9', 'I10'],
  },
  {
    name: 'changed-entry-recovered',
    does: 'starts with an entry that its disk has changed, because the log has no checksums',
    system: 'Redis',
    sources: ['Ganesan et al., Redundancy Does Not Imply Fault Tolerance, FAST 2017'],
    edits: [
      {
        file: 'src/memory/memory-storage.ts',
        from: 'const blocks = log.blocks.map(({ bytes: _, ...header }) => header)',
        to: `const blocks = log.blocks.map(({ bytes: _, ...header }) =>
      header.first === 7 && header.kind === 'commands' ? { ...header, checksum: (header.checksum ?? 0) ^ 1 } : header,
    )`,
      },
    ],
    detectedBy: ['I18', 'L0'],
  },
  {
    name: 'changed-entry-sent',
    does: 'sends its followers an entry that its disk has changed, as if it were the one that was committed',
    system: 'Redis',
    sources: ['Ganesan et al., Redundancy Does Not Imply Fault Tolerance, FAST 2017'],
    edits: [
      {
        file: 'src/runtime/pipeline/sender.ts',
        from: 'if (block.checksum !== expected.checksum) throw changedBlockError(block, expected)',
        to: 'void changedBlockError',
      },
      {
        file: 'src/runtime/pipeline/sender.ts',
        from: 'const cached = this.#parts.cache.get(wanted.first, wanted.term)',
        to: 'const cached = undefined',
      },
      {
        file: 'src/runtime/pipeline/sender.ts',
        from: '      const block = this.#parts.cache.get(first, term)\n',
        to: '      const block = first % 5 === 0 ? undefined : this.#parts.cache.get(first, term)\n',
      },
      {
        file: 'src/memory/memory-storage.ts',
        from: 'if (range !== undefined) return log.blocks.slice(range.from, range.to)',
        to: `if (range !== undefined)
      return log.blocks
        .slice(range.from, range.to)
        .map((block) => (block.kind === 'commands' ? encodeCommands(block.first, block.term, payloadsOf(block).map((payload) => payload.map((byte) => byte ^ 1))) : block))`,
      },
      {
        file: 'src/memory/memory-storage.ts',
        from: "import { MemoryDisk } from './memory-disk.ts'",
        to: "import { encodeCommands, payloadsOf } from '../log-format/block.ts'\nimport { MemoryDisk } from './memory-disk.ts'",
      },
    ],
    conditions: 'no node restarts, because it would compare what it reads with its log, and stop',
    overrides: (generated) => ({ faults: networkFaultsOf(generated) }),
    detectedBy: ['I3', 'I5', 'I18'],
  },
  {
    name: 'directory-not-synced',
    does: 'creates a file without syncing the directory, so that a crash removes the file',
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
    detectedBy: ['L0'],
  },
  {
    name: 'unsynced-writes-out-of-order',
    does: 'cannot open its log after a crash that kept the later part of a write without the earlier part',
    system: 'etcd',
    sources: ['etcd-io/etcd#14098', 'etcd-io/etcd#6378'],
    edits: [
      // A crash keeps a later part of an unsynced write without the earlier part, and nothing truncates it.
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
    detectedBy: ['L0'],
  },
  {
    name: 'applied-index-and-state-differ',
    does: 'stores its applied index and the state that belongs to it at different moments',
    system: 'etcd 3.5',
    sources: ['etcd-io/etcd#12855', 'etcd-io/etcd#13766'],
    edits: [
      {
        file: 'src/runtime/snapshots/snapshot-taker.ts',
        from: 'const chunks = machine.snapshot()\n',
        to: `const { clock } = this.#parts
    const chunks = (async function* () {
      await new Promise<void>((resolve) => clock.wakeAt(clock.now() + 1, resolve))
      yield* machine.snapshot()
    })()\n`,
      },
    ],
    detectedBy: ['I5', 'I10'],
  },
  {
    name: 'failed-sync-retried',
    does: 'retries a failed sync and trusts its success, although the disk has dropped the data',
    system: 'Redis, LMDB, LevelDB, SQLite, PostgreSQL',
    sources: ['Rebello et al., ATC 2020'],
    edits: [
      {
        file: 'src/runtime/pipeline/persister.ts',
        from: '(error) => this.#onWriteFailed(error),\n    )\n  }',
        to: `() => this.#parts.storage.write({ blocks: [], isUrgent: true }).then(
        () => this.#onWritten(group, false),
        (error) => this.#onWriteFailed(error),
      ),
    )
  }`,
      },
      // After a failed sync the pages are marked clean: reads see them, but they are never written.
      {
        file: 'src/testing/simulation/simulated-storage.ts',
        from: 'if (this.#disk.failedWriteSurvives()) await this.#writeUnsynced(write)',
        to: 'await this.#memory.write({ ...write, isUrgent: false })',
      },
      {
        file: 'src/testing/simulation/simulated-storage.ts',
        from: "this.#disk.memory.failWrites(this.#disk.reject('ERR_RAFT_STORAGE', reason))",
        to: "this.#disk.failure = undefined\n    throw this.#disk.reject('ERR_RAFT_STORAGE', reason)",
      },
    ],
    detectedBy: ['I12', 'I9', 'I10'],
  },
  {
    name: 'no-start-after-a-kill',
    does: 'does not start if it was killed between two writes, because the two files do not match yet',
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
    detectedBy: ['L0'],
  },
  {
    name: 'damaged-log-cut-short',
    does: 'mistakes a damaged record in the middle of its log for a write that a crash interrupted, and drops everything after it',
    system: 'LogCabin, ZooKeeper',
    sources: ['Alagappan et al., FAST 2018'],
    edits: [
      {
        file: 'src/memory/memory-disk.ts',
        from: '    this.#view = this.#durable.copy()\n',
        // After every crash the last block but one is damaged.
        to: `    const { snapshot, log } = this.#durable
    const damaged = log.blocks.at(-2)?.first ?? 0
    if (damaged > (snapshot?.index ?? 0)) this.#durable.apply({ truncateAfter: damaged - 1, blocks: [], isUrgent: true })
    this.#view = this.#durable.copy()\n`,
      },
    ],
    detectedBy: ['I11'],
  },
  {
    name: 'damaged-snapshot-dropped',
    does: 'drops its log together with a damaged snapshot, and continues as if it were new',
    system: 'NATS JetStream',
    sources: ['jepsen.io/analyses/nats-2.12.1', 'nats-io/nats-server#7587'],
    edits: [
      {
        file: 'src/memory/memory-disk.ts',
        from: '    this.#view = this.#durable.copy()\n',
        // After every crash the snapshot is damaged.
        to: `    const { hardState, snapshot } = this.#durable
    if (snapshot !== undefined) this.#durable = new DiskImage()
    this.#durable.hardState = hardState
    this.#view = this.#durable.copy()\n`,
      },
    ],
    detectedBy: ['I11'],
  },
  {
    name: 'wiped-disk-accepted',
    does: 'accepts a member that returns with an empty disk and without its votes',
    system: 'NATS JetStream',
    sources: ['nats-io/nats-server#5939', 'nats-io/nats-server#5957'],
    conditions: 'of three voters one lags, one has lost its disk, and one is unreachable',
    overrides: (generated) => ({
      cluster: THREE_VOTERS,
      workload: withoutMembershipChanges(generated),
      faults: [...generated.faults.filter(({ type }) => type !== 'crash'), ...LAGGING_WIPED_AND_UNREACHABLE],
    }),
    edits: [
      {
        file: 'src/runtime/peers/peer-admission.ts',
        from: "if (boundDirectoryId !== '' && boundDirectoryId !== peer.directoryId)",
        to: "if (boundDirectoryId !== '' && peer.directoryId === '')",
      },
      // The first node that loses power also loses its data directory.
      {
        file: 'src/testing/simulation/fault-injector.ts',
        from: '    node.crash(isHard)\n    this.#onProcessEnded(node)\n',
        to: '    if (isHard && !this.#hasWiped) node.wipe()\n    else node.crash(isHard)\n    this.#hasWiped ||= isHard\n    this.#onProcessEnded(node)\n',
      },
      {
        file: 'src/testing/simulation/fault-injector.ts',
        from: '  #isOver = false\n',
        to: '  #isOver = false\n  #hasWiped = false\n',
      },
    ],
    detectedBy: ['I6', 'I2', 'I1', 'L3'],
  },
]
