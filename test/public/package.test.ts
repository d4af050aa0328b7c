/** Tests the package as a user installs it: from its tarball, into an empty project, with the example of the README. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeLong } from '../long.ts'
import { compile, createProject, manifest, ROOT, run } from './pack.ts'

describeLong('a project with the package installed', function () {
  this.timeout(300_000)
  let project: string
  before(() => {
    project = createProject('with-everything', ['fast-check', 'rocksdb'])
    writeFileSync(join(project, 'example.ts'), firstExampleOf(readme()))
    writeFileSync(join(project, 'subpaths.ts'), importsOf(Object.keys(manifest().exports)))
    assertSucceeds(compile(project, 'example.ts', 'subpaths.ts'))
  })

  it('compiles and runs the first example of the README', () => {
    assertSucceeds(run(process.execPath, ['example.js'], project))
  })

  it('imports every subpath with types', () => {
    assertSucceeds(run(process.execPath, ['subpaths.js'], project))
  })

  it('can require every subpath from CommonJS', () => {
    const subpaths = Object.keys(manifest().exports).map((path) => path.replace(/^\./, 'quorate'))
    const code = `for (const path of ${JSON.stringify(subpaths)}) require(path); process.stdout.write(typeof require('quorate').startNode)`
    const { stdout, stderr } = run(process.execPath, ['--input-type=commonjs', '--eval', code], project)
    assert.equal(stdout, 'function', stderr)
  })

  it('cannot import internal files', () => {
    const { stderr } = run(process.execPath, ['--eval', `import('quorate/dist/core/raft.js')`], project)
    assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/)
  })

  it('does not see the state of a core in its types', () => {
    writeFileSync(
      join(project, 'state.ts'),
      `import type { Raft } from 'quorate/core'\nexport type State = Raft['state']\n`,
    )
    const { status, stdout } = compile(project, 'state.ts')
    assert.notEqual(status, 0)
    assert.match(stdout, /Property 'state' does not exist on type 'Raft'/)
  })

  it('can run the command quorate', () => {
    const { status, stdout, stderr } = run('npx', ['--no-install', 'quorate', '--version'], project)
    assert.equal(status, 0, stderr)
    assert.match(stdout, new RegExp(`\\b${manifest().version}\\b`))
  })
})

describeLong('a project without the optional packages', function () {
  this.timeout(300_000)
  let project: string
  before(() => {
    project = createProject('without-rocksdb', [])
    const subpaths = Object.keys(manifest().exports).filter((path) => path !== './testing')
    writeFileSync(join(project, 'subpaths.ts'), importsOf(subpaths))
    writeFileSync(join(project, 'in-memory.ts'), IN_MEMORY)
    writeFileSync(join(project, 'durable.ts'), DURABLE)
    writeFileSync(join(project, 'rocksdb.ts'), ROCKSDB)
    assertSucceeds(compile(project, 'subpaths.ts', 'in-memory.ts', 'durable.ts', 'rocksdb.ts'))
  })

  it('has neither rocksdb nor fast-check', () => {
    for (const name of ['rocksdb', 'fast-check']) assert.ok(!existsSync(join(project, 'node_modules', name)), name)
  })

  it('imports every subpath except quorate/testing, whose types need fast-check', () => {
    assertSucceeds(run(process.execPath, ['subpaths.js'], project))
  })

  it('runs a cluster in memory', () => {
    const result = run(process.execPath, ['in-memory.js'], project)
    assertSucceeds(result)
    assert.equal(result.stdout, '6\n')
  })

  it('runs a durable node, whose log is in segment files', () => {
    for (const total of ['1\n', '2\n']) {
      const result = run(process.execPath, ['durable.js'], project)
      assertSucceeds(result)
      assert.equal(result.stdout, total)
    }
    assert.ok(existsSync(join(project, 'data', 'segments')))
  })

  it('gets an error that names the package to install when it asks for RocksDB', () => {
    const result = run(process.execPath, ['rocksdb.js'], project)
    assertSucceeds(result)
    assert.match(result.stdout, /^ERR_RAFT_RUNTIME /)
    assert.match(result.stdout, /npm install --ignore-scripts rocksdb/)
  })
})

const SUM = `
class Sum {
  #total = 0
  apply(command: number): number {
    this.#total += command
    return this.#total
  }
  snapshot(): Uint8Array[] {
    return [new TextEncoder().encode(String(this.#total))]
  }
  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = ''
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk)
    this.#total = Number(text)
  }
}
`

const IN_MEMORY = `import { startMemoryCluster } from 'quorate/memory'
${SUM}
const cluster = await startMemoryCluster<number, number>({ nodes: 3, stateMachine: () => new Sum() })
const leader = await cluster.leader()
let total = 0
for (const command of [1, 2, 3]) total = await leader.propose(command)
console.log(total)
await cluster.close()
`

const DURABLE = `import { startNode } from 'quorate'
${SUM}
const [peers, stateMachine] = [{ n1: '127.0.0.1:0' }, new Sum()]
const node = await startNode<number, number>({ id: 'n1', listen: '127.0.0.1:0', peers, dataDir: 'data', stateMachine })
await node.until((status) => status.role === 'leader')
console.log(await node.propose(1))
await node.close()
`

const ROCKSDB = `import { isRaftError, startNode } from 'quorate'
${SUM}
const listen = '127.0.0.1:0'
try {
  await startNode<number, number>({
    ...{ id: 'n1', listen, peers: { n1: listen }, dataDir: 'other', storage: 'rocksdb' },
    stateMachine: new Sum(),
  })
} catch (error) {
  if (!isRaftError(error)) throw error
  console.log(error.code, error.message, error.hint)
}
`

function assertSucceeds(result: { status: number | null; stdout: string; stderr: string }): void {
  assert.equal(result.status, 0, result.stdout + result.stderr)
}

function readme(): string {
  return readFileSync(join(ROOT, 'README.md'), 'utf8')
}

function firstExampleOf(markdown: string): string {
  const example = /^```ts\n([\s\S]*?)^```/m.exec(markdown)?.[1]
  assert.ok(example !== undefined, 'README.md shows no example in TypeScript')
  return example
}

/** A module that imports and uses every subpath, which requires both its types and its files. */
function importsOf(subpaths: readonly string[]): string {
  const names = subpaths.filter((path) => path !== './package.json').map((path) => path.replace(/^\./, 'quorate'))
  const lines = names.map((name, at) => `import * as part${at} from '${name}'`)
  return `${lines.join('\n')}\nconsole.log([${names.map((_, at) => `part${at}`).join(', ')}].map(Object.keys))\n`
}
