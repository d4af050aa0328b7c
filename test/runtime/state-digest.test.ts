import assert from 'node:assert/strict'
import type { NodeId } from '../../src/core/types.ts'
import { Journal, VirtualCluster } from './virtual-cluster.ts'

/** A journal whose release changes some commands. */
class JournalRelease extends Journal {
  readonly #change: (command: string) => string

  constructor(change: (command: string) => string) {
    super()
    this.#change = change
  }

  override apply(command: string): number {
    return super.apply(this.#change(command))
  }

  digest(): string {
    return this.entries.join()
  }
}

describe('a state machine that comes to another state than the others', () => {
  let cluster: VirtualCluster

  async function startAll(ids: string, changes: Readonly<Record<NodeId, (command: string) => string>>): Promise<void> {
    cluster = new VirtualCluster(ids, { digestEntries: 4 })
    for (const id of ids.split(' '))
      await cluster.start(id, { stateMachine: new JournalRelease(changes[id] ?? ((command) => command)) })
  }

  afterEach(() => cluster.close())

  async function propose(count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      const leader = await cluster.runUntil(() =>
        [...cluster.nodes.values()].find((node) => {
          const { role, stopped } = node.statusNow()
          return role === 'leader' && stopped === undefined
        }),
      )
      await cluster.runUntilSettled(leader.propose('one').catch(() => undefined))
    }
    await cluster.advance(1000)
  }

  const stopped = (): readonly NodeId[] =>
    [...cluster.nodes].filter(([, node]) => node.statusNow().stopped !== undefined).map(([id]) => id)

  it('stops with what to do, and the leader raises an alarm until it is replaced', async () => {
    await startAll('n1 n2 n3', { n2: (command) => (command === 'one' ? 'two' : command) })
    const leader = await cluster.leader()
    if (leader.id === 'n2') await cluster.runUntilSettled(leader.transferLeadership({ to: 'n1' }))
    await propose(8)
    assert.deepEqual(stopped(), ['n2'])
    const failure = await cluster.runUntilSettled(cluster.node('n2').failed)
    assert.equal(failure.code, 'ERR_RAFT_DIVERGED')
    assert.match(failure.message, /state machine of n2 has another state after entry \d+ than a majority/)
    const { alarms } = (await cluster.leader(cluster.node('n2'))).statusNow()
    assert.deepEqual(
      alarms.map(({ code, peer }) => `${code} ${peer}`),
      ['STATE_DIFFERS n2'],
    )
    await propose(1)
  })

  it('stops if it leads, and another node takes over', async () => {
    await startAll('n1 n2 n3', {})
    const { id } = await cluster.leader()
    await cluster.close()
    await startAll('n1 n2 n3', { [id]: (command) => `${command}!` })
    assert.equal((await cluster.leader()).id, id)
    await propose(8)
    assert.deepEqual(stopped(), [id])
    await propose(8)
    assert.deepEqual(stopped(), [id])
  })

  it('is only reported if no majority has the same state', async () => {
    await startAll('n1 n2', { n2: (command) => `${command}!` })
    await propose(8)
    assert.deepEqual(stopped(), [])
    const { alarms } = (await cluster.leader()).statusNow()
    assert.deepEqual(
      alarms.map(({ code }) => code),
      ['STATE_DIFFERS'],
    )
  })
})
