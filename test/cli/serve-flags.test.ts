/** Tests of the flags of `quorate serve`: which options of a node they become. */
import assert from 'node:assert/strict'
import type { ServeFlags } from '../../src/cli/serve/serve-flags.ts'
import { serveOptions } from '../../src/cli/serve/serve-flags.ts'
import type { RaftError } from '../../src/errors.ts'
import { runInProcess, start } from '../e2e/command.ts'
import { eventually, freePort } from '../e2e/real-cluster.ts'

const FLAGS: ServeFlags = { id: 'n1', listen: '127.0.0.1:7001', peers: 'n1=127.0.0.1:7001', memory: true }

describe('the flags of a node', () => {
  it('become its options', () => {
    const { limits, metadata } = serveOptions({
      ...FLAGS,
      ...{ leaseReads: true, forward: false, electionTimeoutLimit: '4s', snapshotSendRate: '64MiB' },
      metadata: ['http=https://n1.example/?a=b', 'zone=a'],
    })
    assert.deepEqual(
      [limits, metadata],
      [
        {
          ...{ leaseReads: true, forward: false, electionTimeoutLimitMs: 4000 },
          snapshotSendBytesPerSecond: 64 * 1024 * 1024,
        },
        { http: 'https://n1.example/?a=b', zone: 'a' },
      ],
    )
    assert.deepEqual(serveOptions(FLAGS).limits, {})
  })

  it('limit the writes on the main thread, of segments only', () => {
    const { memory: _, ...onDisk } = { ...FLAGS, dataDir: 'data' }
    const bytesMaxOf = (immediateWriteBytes: string) =>
      serveOptions({ ...onDisk, immediateWriteBytes }).limits.immediateWriteBytesMax
    assert.deepEqual([bytesMaxOf('0'), bytesMaxOf('2KiB')], [0, 2048])
    for (const others of [{ ...onDisk, storage: 'rocksdb' as const }, FLAGS])
      assert.throws(
        () => serveOptions({ ...others, immediateWriteBytes: '0' }),
        ({ code, message }: RaftError) =>
          code === 'ERR_RAFT_OPTIONS' && /--immediate-write-bytes (is only for|exclude)/.test(message),
      )
  })

  for (const [metadata, words] of [
    [['http'], "--metadata 'http' is not NAME=TEXT, such as http=https://n1.example"],
    [['a=1', 'a=2'], '--metadata names a twice'],
  ] as const)
    it(`are refused: --metadata ${metadata.join(' ')}`, () =>
      assert.throws(
        () => serveOptions({ ...FLAGS, metadata }),
        ({ code, message }: RaftError) => code === 'ERR_RAFT_OPTIONS' && message.includes(words),
      ))

  it('reach the node', async function () {
    this.timeout(30_000)
    const address = `127.0.0.1:${await freePort()}`
    const where = ['--id', 'n1', '--listen', address, '--peers', `n1=${address}`, '--memory']
    const limits = ['--lease-reads', '--no-forward', '--election-timeout-limit', '4s', '--snapshot-send-rate', '64MiB']
    const node = start(['serve', ...where, ...limits, '--metadata', 'http=https://n1.example', '--metadata', 'zone=a'])
    try {
      await eventually('a write', async () => {
        const { exitCode } = await runInProcess(['put', 'k', 'v', '-e', address])
        return exitCode === 0 || undefined
      })
      for (const words of [
        ['get', 'k'],
        ['list', '--keys'],
      ]) {
        const read = await runInProcess([...words, '--lease', '-e', address])
        assert.deepEqual([read.exitCode, read.stdout], [0, words[0] === 'get' ? 'v\n' : 'k\n'], read.stderr)
      }
      assert.equal((await runInProcess(['get', 'k', '--lease', '--local', '-e', address])).exitCode, 2)
      const list = await eventually('the metadata', async () => {
        const { stdout } = await runInProcess(['member', 'list', '-e', address])
        return stdout.includes('http=') ? stdout : undefined
      })
      assert.match(list, /^n1\tvoter\t.*\thttp=https:\/\/n1\.example\tzone=a$/m)
    } finally {
      node.child.kill('SIGKILL')
      await node.finished
    }
  })
})
