/** Rules about imports: between the layers of src/, between the parts of the core, and from packages. */
import type { Repository, RepositoryFile } from './repository.ts'
import { sourceFiles } from './repository.ts'
import type { Rule } from './rule.ts'

/** What every layer above the contracts may import. */
const BASE = ['core', 'contracts', 'errors.ts', 'log-format', 'platform']

/** Each layer of src/, and the layers that it may import besides itself. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  contracts: ['core', 'errors.ts'],
  'errors.ts': ['core'],
  'log-format': ['core', 'contracts', 'errors.ts', 'platform'],
  platform: ['core', 'contracts', 'errors.ts'],
  'lane-diagram': [],
  linearizability: ['lane-diagram'],
  sessions: BASE,
  runtime: [...BASE, 'sessions'],
  memory: BASE,
  access: BASE,
  'peer-link': [...BASE, 'access'],
  grpc: [...BASE, 'access', 'peer-link'],
  tcp: [...BASE, 'access', 'peer-link'],
  'data-directory': BASE,
  rocksdb: [...BASE, 'data-directory'],
  segments: [...BASE, 'data-directory'],
  client: BASE,
  kv: BASE,
  metrics: BASE,
  opentelemetry: [...BASE, 'metrics'],
  checks: BASE,
  http: [...BASE, 'peer-link', 'checks'],
  recipes: [...BASE, 'runtime', 'kv'],
  testing: [...BASE, 'runtime', 'memory', 'grpc', 'rocksdb', 'segments', 'client', 'linearizability', 'lane-diagram'],
  'engines.ts': [...BASE, 'data-directory', 'rocksdb', 'segments'],
  operations: [...BASE, 'runtime', 'data-directory', 'engines.ts'],
  'start-node.ts': [
    ...BASE,
    'access',
    'runtime',
    'checks',
    'memory',
    'peer-link',
    'grpc',
    'tcp',
    'data-directory',
    'engines.ts',
    'client',
  ],
  'memory-cluster.ts': [...BASE, 'runtime', 'memory'],
  'memory.ts': ['memory', 'memory-cluster.ts'],
  'client.ts': ['client', 'connect.ts'],
  'connect.ts': [...BASE, 'access', 'peer-link', 'grpc', 'client'],
  'index.ts': [
    ...BASE,
    'runtime',
    'memory',
    'peer-link',
    'client',
    'start-node.ts',
    'operations',
    'data-directory',
    'connect.ts',
  ],
  cli: [
    ...[
      ...BASE,
      'access',
      'runtime',
      'memory',
      'peer-link',
      'grpc',
      'data-directory',
      'rocksdb',
      'segments',
      'client',
      'kv',
      'metrics',
      'checks',
      'http',
      'linearizability',
      'lane-diagram',
      'testing',
    ],
    ...['start-node.ts', 'operations', 'connect.ts', 'index.ts'],
  ],
}

/** The packages that each layer may import; `node:` stands for Node's own modules. */
const PACKAGES_OF_LAYER: Readonly<Record<string, readonly string[]>> = {
  core: [],
  contracts: [],
  'errors.ts': [],
  'log-format': ['node:'],
  platform: ['node:', 'fastest-levenshtein'],
  'lane-diagram': [],
  linearizability: ['node:'],
  sessions: ['node:'],
  runtime: ['node:'],
  memory: ['node:'],
  access: ['node:'],
  'peer-link': ['node:'],
  grpc: ['node:', '@grpc/grpc-js', '@grpc/proto-loader', '@grpc/reflection'],
  tcp: ['node:'],
  'data-directory': ['node:'],
  rocksdb: ['node:', 'rocksdb'],
  segments: ['node:'],
  client: ['node:'],
  kv: ['node:', 'sorted-btree'],
  metrics: ['node:', 'prom-client'],
  opentelemetry: ['@opentelemetry/api'],
  checks: ['node:'],
  http: ['node:'],
  recipes: ['node:'],
  testing: ['node:', 'fast-check'],
  'engines.ts': ['node:'],
  operations: ['node:'],
  'start-node.ts': ['node:'],
  'memory-cluster.ts': [],
  'memory.ts': [],
  'client.ts': [],
  'connect.ts': [],
  'index.ts': [],
  cli: ['node:', 'commander', 'cli-progress', 'cli-table3', '@peculiar/x509', 'reflect-metadata'],
}

/** The layers within src/core, top first. A file may import files of its own layer and of the layers below it. */
const CORE_LAYERS: readonly (readonly string[])[] = [
  ['index.ts'],
  ['raft.ts'],
  ['roles'],
  ['rules', 'invariants.ts', 'usage.ts'],
  ['state.ts', 'outbox.ts'],
  ['reads', 'forwarding', 'election', 'pending-writes.ts'],
  ['log', 'membership', 'replication'],
  ['inputs.ts', 'effects.ts', 'events.ts', 'status.ts', 'messages.ts', 'options.ts'],
  ['types.ts', 'assert.ts', 'random.ts', 'recent-max.ts'],
]

export const importRules: readonly Rule[] = [
  {
    statement: 'each layer imports only the layers below it, and adapters never import each other',
    remedy:
      'Move what both need to src/contracts or src/core, or pass it as a constructor argument. ' +
      'test/tidy/import-rules.ts lists the layers; add new folders there.',
    violations: (repository) =>
      sourceFiles(repository).flatMap((file) => {
        const layer = layerOf(file.path)
        const allowed = LAYERS[layer]
        if (allowed === undefined) return [`${file.path}: does not belong to a known layer`]
        return targetsOf(file)
          .filter((target) => layerOf(target) !== layer && !allowed.includes(layerOf(target)))
          .map((target) => `${file.path} imports ${target}`)
      }),
    rejected: [
      { 'src/core/raft.ts': `import { RaftError } from '../errors.ts'` },
      { 'src/core/raft.ts': `import type { Clock } from '../contracts/clock.ts'` },
      { 'src/contracts/storage.ts': `import { Driver } from '../runtime/driver.ts'` },
      { 'src/contracts/storage.ts': `import { decodeBlock } from '../log-format/block.ts'` },
      { 'src/linearizability/history.ts': `import { isRaftError } from '../errors.ts'` },
      { 'src/grpc/server.ts': `import { RaftNode } from '../runtime/raft-node.ts'` },
      { 'src/memory/storage.ts': `export * from '../rocksdb/index.ts'` },
      { 'src/runtime/pipeline/driver.ts': `const memory = await import('../../memory/index.ts')` },
      { 'src/client/client.ts': `export type T = import('../grpc/index.ts').T` },
      { 'src/index.ts': `export * from './grpc/index.ts'` },
      { 'src/testing/simulate.ts': `import { main } from '../cli/main.ts'` },
      { 'src/ftp/server.ts': '' },
    ],
    accepted: [
      { 'src/grpc/server.ts': `import type { Transport } from '../contracts/transport.ts'\nimport './codec.ts'` },
      { 'src/start-node.ts': `const grpc = await import('./grpc/index.ts')` },
    ],
  },
  {
    statement: 'each package is imported by its own layer only',
    remedy:
      'Only src/grpc imports gRPC, only src/rocksdb imports RocksDB, only src/cli parses arguments, and the core imports ' +
      'no package: require a contract instead.',
    violations: (repository) =>
      sourceFiles(repository).flatMap((file) =>
        file.imports
          .filter((each) => each.target === undefined && !mayImport(file, each.specifier))
          .map((each) => `${file.path} imports '${each.specifier}'`),
      ),
    rejected: [
      { 'src/core/random.ts': `import { randomInt } from 'node:crypto'` },
      { 'src/core/raft.ts': `import type { Buffer } from 'node:buffer'` },
      { 'src/runtime/pipeline/sender.ts': `import { credentials } from '@grpc/grpc-js'` },
      { 'src/start-node.ts': `const rocksdb = await import('rocksdb')` },
      { 'src/memory/storage.ts': `import type fc from 'fast-check'` },
      { 'src/cli/main.ts': `import { RaftNode } from 'quorate'` },
      { 'src/rocksdb/database.ts': `import 'rocksdb-prebuilt'` },
    ],
    accepted: [{ 'src/grpc/server.ts': `import { Server } from '@grpc/grpc-js'\nimport 'node:net'` }],
  },
  {
    statement: 'within the core, files import only their own layer and those below it, and roles never import roles',
    remedy:
      'A change of role calls rules/transition.ts, below the roles. A value that two layers need belongs in the lower one. ' +
      'test/tidy/import-rules.ts lists the layers; add new files there.',
    violations: (repository) =>
      sourceFiles(repository)
        .filter((file) => layerOf(file.path) === 'core')
        .flatMap((file) => {
          const layerIndex = coreLayerOf(file.path)
          if (layerIndex === -1) return [`${file.path}: does not belong to a known layer of the core`]
          return targetsOf(file)
            .filter((target) => layerOf(target) === 'core')
            .filter((target) => coreLayerOf(target) < layerIndex || (isRole(file.path) && isRole(target)))
            .map((target) => `${file.path} imports ${target}`)
        }),
    rejected: [
      { 'src/core/roles/follower.ts': `import { onTimeout } from './candidate.ts'` },
      { 'src/core/rules/vote.ts': `import { onVote } from '../roles/candidate.ts'` },
      { 'src/core/log/raft-log.ts': `import type { RaftState } from '../state.ts'` },
      { 'src/core/types.ts': `import type { Message } from './messages.ts'` },
      { 'src/core/state.ts': `import { assertInvariants } from './invariants.ts'` },
      { 'src/core/unknown.ts': '' },
    ],
    accepted: [
      { 'src/core/roles/follower.ts': `import { becomeCandidate } from '../rules/transition.ts'` },
      { 'src/core/rules/commit.ts': `import { broadcast } from './replicate.ts'` },
    ],
  },
  {
    statement: 'imports form no cycle, not even for types',
    remedy: 'Break the cycle at its most abstract file: move what the others need into a file below them.',
    violations: (repository) => cyclesOf(sourceFiles(repository)).map((cycle) => cycle.join(' → ')),
    rejected: [
      { 'src/core/a.ts': `import './b.ts'`, 'src/core/b.ts': `import type { A } from './a.ts'` },
      { 'src/core/a.ts': `import './b.ts'`, 'src/core/b.ts': `import './c.ts'`, 'src/core/c.ts': `import './a.ts'` },
      { 'src/core/a.ts': `import './a.ts'` },
    ],
    accepted: [
      { 'src/core/a.ts': `import './b.ts'; import './c.ts'`, 'src/core/b.ts': `import './c.ts'`, 'src/core/c.ts': '' },
    ],
  },
  {
    statement: 'relative imports name an existing file with its .ts extension',
    remedy: "Write './types.ts', not './types' or './types.js': the compiler rewrites it for dist.",
    violations: (repository) => {
      const paths = new Set(repository.map((file) => file.path))
      return sourceFiles(repository).flatMap((file) =>
        targetsOf(file)
          .filter((target) => !paths.has(target))
          .map((target) => `${file.path} imports ${target}`),
      )
    },
    rejected: [
      { 'src/core/a.ts': `import './b'`, 'src/core/b.ts': '' },
      { 'src/core/a.ts': `import './b.js'`, 'src/core/b.ts': '' },
    ],
  },
  {
    statement: 'an index.ts exists only at the top of a layer, and only re-exports',
    remedy: 'Within a layer, import the file itself. Move code from the index to a named file.',
    violations: (repository) =>
      sourceFiles(repository)
        .filter((file) => file.path.endsWith('/index.ts'))
        .flatMap((file) => {
          if (file.path.split('/').length > 3) return [`${file.path}: is inside a layer`]
          const onlyReexports = file.tree.statements.every((each) =>
            /^export (type )?(\*|\{)[^;]* from /.test(each.getText()),
          )
          return onlyReexports ? [] : [`${file.path}: does more than re-export`]
        }),
    rejected: [
      { 'src/core/log/index.ts': `export * from './raft-log.ts'` },
      { 'src/memory/index.ts': `export const answer = 42` },
      { 'src/memory/index.ts': `import { a } from './a.ts'\nexport { a }` },
    ],
    accepted: [
      {
        'src/memory/index.ts': `/** The entry point. */\nexport { a, type B } from './a.ts'\nexport type * from './c.ts'`,
      },
    ],
  },
  {
    statement: 'every file of src is imported, directly or indirectly, by an entry point',
    remedy: 'Delete the file, or import it where it is needed.',
    violations: (repository) => unreachedFiles(sourceFiles(repository)),
    rejected: [{ 'src/index.ts': `export * from './errors.ts'`, 'src/errors.ts': '', 'src/core/forgotten.ts': '' }],
    accepted: [{ 'src/index.ts': `export * from './errors.ts'`, 'src/errors.ts': '' }],
  },
]

/** The layer of a path: 'core' for src/core/log/raft-log.ts, 'errors.ts' for src/errors.ts. */
function layerOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function coreLayerOf(path: string): number {
  const part = path.split('/')[2] ?? ''
  return CORE_LAYERS.findIndex((layer) => layer.includes(part))
}

function isRole(path: string): boolean {
  return path.startsWith('src/core/roles/')
}

function targetsOf(file: RepositoryFile): string[] {
  return file.imports.flatMap((each) => each.target ?? [])
}

function mayImport(file: RepositoryFile, specifier: string): boolean {
  const allowed = PACKAGES_OF_LAYER[layerOf(file.path)] ?? []
  return allowed.some((name) =>
    name === 'node:' ? specifier.startsWith(name) : specifier === name || specifier.startsWith(`${name}/`),
  )
}

/** Every import cycle that a depth-first search finds, as the list of its files. */
function cyclesOf(repository: Repository): string[][] {
  const byPath = new Map(repository.map((file) => [file.path, file]))
  const cycles: string[][] = []
  const done = new Set<string>()
  const walk = (path: string, importers: readonly string[]): void => {
    if (importers.includes(path)) cycles.push([...importers.slice(importers.indexOf(path)), path])
    if (done.has(path) || importers.includes(path)) return
    for (const target of targetsOfPath(byPath, path)) walk(target, [...importers, path])
    done.add(path)
  }
  for (const file of repository) walk(file.path, [])
  return cycles
}

function unreachedFiles(repository: Repository): string[] {
  const byPath = new Map(repository.map((file) => [file.path, file]))
  const reached = new Set<string>()
  const walk = (path: string): void => {
    if (reached.has(path)) return
    reached.add(path)
    for (const target of targetsOfPath(byPath, path)) walk(target)
  }
  for (const { path } of repository)
    if (/^src\/(\w+\/index|index|client|memory|testing\/browser|cli\/main)\.ts$/.test(path)) walk(path)
  return repository.map((file) => file.path).filter((path) => !reached.has(path))
}

function targetsOfPath(byPath: ReadonlyMap<string, RepositoryFile>, path: string): string[] {
  const file = byPath.get(path)
  return file === undefined ? [] : targetsOf(file)
}
