/** Writers that reach one follower of three real processes each, while the leader is killed: none names the leader, and no outcome is wrong. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRaftError } from '../../src/errors.ts'
import { GrpcClientChannel } from '../../src/grpc/client/client-channel.ts'
import { kvCommandCodec, kvResultCodec } from '../../src/kv/codecs.ts'
import { eventually, RealCluster } from './real-cluster.ts'

const WRITERS = 8
const TIMEOUT_MS = 10_000
const PAUSE_MS = 20

/** Writes every key once over one channel, which reaches one node only. */
class OneNodeWriters {
  readonly acknowledged = new Set<string>()
  readonly rejected = new Set<string>()
  readonly codes = new Map<string, number>()
  readonly #channel: GrpcClientChannel
  readonly #writers: Promise<void>[]
  #isStopped = false

  /** With sessions, each writer registers one at its node. */
  constructor(endpoint: string, name: string, hasSessions: boolean) {
    this.#channel = new GrpcClientChannel(endpoint)
    this.#writers = Array.from({ length: WRITERS }, (_, writer) => this.#write(`${name}/${writer}`, hasSessions))
  }

  async awaitWrites(count: number): Promise<void> {
    const goal = this.acknowledged.size + count
    await eventually(`${count} more writes`, async () => (this.acknowledged.size >= goal ? true : undefined))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#writers)
    await this.#channel.close()
  }

  async #write(prefix: string, hasSessions: boolean): Promise<void> {
    const id = hasSessions ? (await this.#channel.registerSession({ timeoutMs: TIMEOUT_MS })).id : undefined
    for (let sequence = 1; !this.#isStopped; sequence++) {
      const key = `${prefix}/${sequence}`
      const command = kvCommandCodec.encode({ type: 'put', key, value: Buffer.from(key) })
      const session = id === undefined ? undefined : { id, sequence }
      try {
        const { result } = await this.#channel.propose(command, { timeoutMs: TIMEOUT_MS, session })
        assert.deepEqual(kvResultCodec.decode(result), { type: 'written', version: 1 }, key)
        this.acknowledged.add(key)
      } catch (error) {
        if (!isRaftError(error)) throw error
        this.codes.set(error.code, (this.codes.get(error.code) ?? 0) + 1)
        if (error.outcome === 'not-applied') this.rejected.add(key)
      }
      await sleep(PAUSE_MS)
    }
  }
}

describe('writers that reach one follower each', function () {
  this.timeout(120_000)
  let cluster: RealCluster
  before(async () => {
    cluster = await RealCluster.started('n1', 'n2', 'n3')
  })
  after(() => cluster.close())

  for (const hasSessions of [false, true])
    it(`${hasSessions ? 'with' : 'without'} sessions, get no wrong outcome while the leader is killed`, async () => {
      const leader = await cluster.leader()
      const followers = ['n1', 'n2', 'n3'].filter((id) => id !== leader)
      const all = followers.map((id) => {
        const endpoint = cluster.endpoint(id)
        return new OneNodeWriters(endpoint, `${id}-${hasSessions}`, hasSessions)
      })
      try {
        for (const writers of all) await writers.awaitWrites(100)
        await cluster.kill(leader)
        for (const writers of all) await writers.awaitWrites(100)
        cluster.start(leader)
        for (const writers of all) await writers.awaitWrites(100)
      } finally {
        for (const writers of all) await writers.stop()
      }
      await cluster.assertEqual()
      const versions = await cluster.versions()
      for (const { acknowledged, rejected, codes } of all) {
        assert.deepEqual(
          [...acknowledged].filter((key) => versions.get(key) !== 1),
          [],
        )
        assert.deepEqual(
          [...rejected].filter((key) => versions.has(key)),
          [],
        )
        assert.equal(codes.has('ERR_RAFT_NOT_LEADER'), false)
        if (hasSessions) assert.equal(codes.has('ERR_RAFT_OUTCOME_UNKNOWN'), false)
      }
    })
})
