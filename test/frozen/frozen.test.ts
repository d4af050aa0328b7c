/** What earlier releases have stored and sent is read by this revision, and what it writes is what they would have written. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from '../../src/kv/index.ts'
import { KeyValueMachine } from '../../src/kv/key-value-machine.ts'
import type { KvAnswer, KvCommand, KvQuery, KvResult } from '../../src/kv/model.ts'
import { MemoryNetwork } from '../../src/memory/memory-transport.ts'
import { VERSION } from '../../src/runtime/version.ts'
import { startNode } from '../../src/start-node.ts'
import { knownFields, parseFixture, plain } from './fixture-file.ts'
import { FORMATS } from './formats/formats.ts'
import type { Engine } from './formats/stored-formats.ts'
import { inTemporary, openStorage, unpack } from './formats/stored-formats.ts'

const releases = readdirSync(import.meta.dirname).filter((name) => /^\d+\.\d+\.\d+/.test(name))

const entriesOf = (release: string, format: string) => {
  const path = `${import.meta.dirname}/${release}/${format}.txt`
  return existsSync(path) ? parseFixture(readFileSync(path, 'utf8')) : []
}

function shownAt(bytes: Buffer, at: number): string {
  return `${bytes.toString('hex', Math.max(0, at - 8), at)}[${bytes.toString('hex', at, at + 1)}]${bytes.toString('hex', at + 1, at + 9)}`
}

describe('the frozen bytes', function () {
  this.timeout(60_000)

  it('are kept for the release that this revision belongs to (`make freeze`)', () => {
    assert.ok(releases.includes(VERSION), `test/frozen/${VERSION} is missing`)
  })

  for (const release of releases)
    for (const format of FORMATS)
      for (const { name, bytes, content } of entriesOf(release, format.name)) {
        it(`of ${release}, ${format.name}, ${name}, are read as the release read them`, async () => {
          assert.deepEqual(knownFields(plain(await format.read(bytes, name)), content), content)
        })

        it(`of ${release}, ${format.name}, ${name}, are what this revision writes`, async () => {
          const rewritten = Buffer.from(await format.rewrite(bytes, name))
          if (format.isExtension?.(rewritten, bytes) === true) return
          const at = rewritten.equals(bytes) ? -1 : bytes.findIndex((byte, offset) => byte !== rewritten[offset])
          assert.equal(at, -1, `byte ${at} differs: ${shownAt(rewritten, at)} instead of ${shownAt(bytes, at)}`)
          assert.equal(rewritten.length, bytes.length)
        })
      }

  for (const release of releases)
    for (const engine of ['segments', 'rocksdb'] as const)
      for (const { bytes } of entriesOf(release, `data-directory-${engine}`)) {
        it(`of ${release} are a directory with ${engine} that a node of this revision continues`, () =>
          inTemporary(async (directory) => {
            await unpack(bytes, directory)
            await continueDirectory(engine, directory)
            await continueDirectory(engine, directory)
          }))
      }
})

async function continueDirectory(engine: Engine, directory: string): Promise<void> {
  const machine = new KeyValueMachine()
  const node = await startNode<KvCommand, KvResult, KvQuery, KvAnswer>({
    ...{ id: 'n1', peers: { n1: 'n1' }, transport: new MemoryNetwork().transport('n1') },
    ...{ storage: openStorage(engine, directory), stateMachine: machine },
    ...{ codec: kvCommandCodec, resultCodec: kvResultCodec, queryCodec: kvQueryCodec, answerCodec: kvAnswerCodec },
    ...{ electionTimeoutMinMs: 50, electionTimeoutMaxMs: 100, heartbeatIntervalMs: 10 },
  })
  try {
    const repeated: KvCommand = { type: 'put', key: 'e', value: Buffer.from('another') }
    await node.propose(repeated, { session: { id: 6, sequence: 2 }, timeoutMs: 20_000 })
    await node.propose({ type: 'put', key: 'f', value: Buffer.from('6') })
    const answer = await node.read(() => machine.query({ type: 'list', prefix: '', limit: 100 }))
    assert.ok(answer.type === 'listed')
    const text = answer.entries.map(({ key, value }) => `${key}=${Buffer.from(value).toString()}`).join(' ')
    assert.equal(text, 'b=2 c=3 d=4 e=5 f=6')
  } finally {
    await node.close()
  }
}
