/** Tests of `quorate why` on real processes that were killed or suspended. */
import assert from 'node:assert/strict'
import { run, start } from './command.ts'
import { eventually, RealCluster } from './real-cluster.ts'

describe('quorate why', function () {
  this.timeout(90_000)
  let cluster: RealCluster
  before(async () => {
    cluster = await RealCluster.started('n1', 'n2', 'n3')
  })
  after(() => cluster.close())

  /** Runs the command, as a process of its own, until it prints `expected`: elections and lost connections take a moment. */
  async function assertSays(expected: RegExp, exitCode: number): Promise<void> {
    let last = ''
    await eventually(`quorate why to print ${expected}`, async () => {
      const result = await run(['why', '--endpoints', cluster.endpoints.join(','), '--timeout', '4s'])
      last = `${result.exitCode} ${result.stdout}`
      return result.exitCode === exitCode && expected.test(result.stdout) ? true : undefined
    }).catch((error) => assert.fail(`${error}; last: ${last}`))
  }

  it('finds no fault in a healthy cluster', () =>
    assertSays(/^No fault found: n\d leads term \d+, 3 of 3 voters replicate/, 0))

  it('names a suspended leader, and the one that was elected', async () => {
    const leader = await cluster.leader()
    cluster.sendSignal(leader, 'SIGSTOP')
    await assertSays(new RegExp(`^n\\d leads .* 2 of 3 voters .*${leader} does not answer at \\S+ \\(no answer\\)`), 0)
    cluster.sendSignal(leader, 'SIGCONT')
    await assertSays(/3 of 3 voters replicate/, 0)
  })

  it('names the nodes that are missing after two of three were killed', async () => {
    for (const id of ['n1', 'n2']) await cluster.kill(id)
    // The proxy between the nodes and at the address of record still accepts connections, so that nothing is refused.
    await assertSays(
      /^No leader: 1 of 3 .* 2 of 3\. n1 (is down|does not answer) .* n2 (is down|does not answer) .* Next: /,
      4,
    )
    for (const id of ['n1', 'n2']) cluster.start(id)
    await assertSays(/3 of 3 voters replicate/, 0)
  })

  it('quorate watch prints the change when a node is killed and started again, and ends when it is interrupted', async () => {
    const watching = start(['watch', '--interval', '200ms', '--endpoints', cluster.endpoints.join(',')])
    await eventually('the first status', async () => watching.stdout().includes('tolerates') || undefined)
    const leader = await cluster.leader()
    const killed = cluster.ids.find((id) => id !== leader) as string
    const hasPrinted = (what: string) => async (): Promise<true | undefined> =>
      watching.stdout().includes(`  ${killed} ${what}\n`) || undefined
    await cluster.kill(killed)
    await eventually('the loss', hasPrinted('does not replicate'))
    cluster.start(killed)
    await eventually('the return', hasPrinted('replicates'))
    watching.child.kill('SIGINT')
    assert.equal((await watching.finished).exitCode, 0)
  })
})
