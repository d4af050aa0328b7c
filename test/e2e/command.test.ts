/** Tests of the `quorate` command against real nodes: its output, its errors and its exit codes. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { kvResultCodec } from '../../src/kv/index.ts'
import type { CommandResult } from './command.ts'
import { run, runInProcess } from './command.ts'
import { freePort, RealCluster } from './real-cluster.ts'

describe('the quorate command', function () {
  this.timeout(60_000)

  it('lists its commands with --help and prints its version with --version', async () => {
    const help = await run(['--help'])
    assert.equal(help.exitCode, 0)
    for (const verb of [
      'demo',
      'serve',
      'put',
      'get',
      'delete',
      'cas',
      'list',
      'status',
      'member',
      'leader',
      'snapshot',
    ])
      assert.match(help.stdout, new RegExp(`^ {2}${verb}\\b`, 'm'))
    assert.match((await run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  })

  for (const { typed, message } of [
    { typed: 'sttus', message: /unknown command 'sttus'\n\(Did you mean status\?\)/ },
    { typed: 'serve --lisen 127.0.0.1:1', message: /unknown option '--lisen'\n\(Did you mean --listen\?\)/ },
    { typed: 'get', message: /missing required argument 'key'/ },
    { typed: 'get k --timeout soon', message: /'soon' is not a duration/ },
    { typed: 'status --endpoints alpha', message: /'alpha' is not HOST:PORT/ },
    { typed: 'status -o xml', message: /Allowed choices are text, json/ },
    { typed: 'member add n4 alpha', message: /'alpha' is not HOST:PORT/ },
  ])
    it(`rejects \`${typed}\` with exit code 2`, async () => {
      const finished = await runInProcess(typed.split(' '))
      assertEnded(finished, 2, message)
      assert.equal(finished.stdout, '')
    })

  it('exits with 3 if no node responds, with the error as text or JSON', async () => {
    const endpoints = ['--endpoints', `127.0.0.1:${await freePort()}`, '--timeout', '500ms']
    for (const words of [['get', 'k'], ['put', 'k', 'v'], ['status'], ['snapshot', 'take']])
      assertEnded(
        await runInProcess([...words, ...endpoints]),
        3,
        /^error\[ERR_RAFT_UNREACHABLE\]: .*\n(.*\n)* {2}hint: /,
      )
    const json = await run(['get', 'k', ...endpoints, '-o', 'json'])
    const { schema, exitCode, error } = JSON.parse(json.stderr)
    assert.deepEqual(
      [schema, exitCode, error.code, error.outcome],
      ['quorate.error/v1', 3, 'ERR_RAFT_UNREACHABLE', 'not-applied'],
    )
  })
})

describe('quorate serve', function () {
  this.timeout(60_000)

  it('reports all invalid flags at once', async () => {
    const finished = await runInProcess(['serve', '--listen', 'alpha', '--peers', 'n1', '--data-dir', 'd', '--memory'])
    assertEnded(finished, 78, /^error\[ERR_RAFT_OPTIONS\]: /)
    for (const problem of ["--listen 'alpha'", "--peers 'n1'", '--id is missing', '--memory and --data-dir'])
      assert.ok(finished.stderr.includes(problem), `${problem} is not in ${finished.stderr}`)
  })

  for (const descriptorsMax of [25, 40, 60])
    it(`does not start with ${descriptorsMax} file descriptors, and names the limit and the remedy`, async function () {
      if (process.platform !== 'linux') return this.skip()
      const words = ['--id', 'n1', '--listen', '127.0.0.1:0', '--peers', 'n1=127.0.0.1:1', '--memory']
      const finished = await run(['serve', ...words], { descriptorsMax })
      const limit = `may open ${descriptorsMax} files and connections; at least 128 are needed`
      assertEnded(
        finished,
        78,
        new RegExp(`^error\\[ERR_RAFT_RUNTIME\\]: this process ${limit}.*\n {2}hint: run \`ulimit -n 1024\``),
      )
      const json = await run(['serve', ...words, '--output', 'json'], { descriptorsMax })
      assert.deepEqual([json.exitCode, JSON.parse(json.stderr).error.details.limit], [78, descriptorsMax])
    })

  it('rejects an election timeout that is too short for the heartbeat interval', async () => {
    const peers = ['--id', 'n1', '--listen', '127.0.0.1:0', '--peers', 'n1=127.0.0.1:1', '--memory']
    const finished = await runInProcess(['serve', ...peers, '--election-timeout', '100-200ms', '--heartbeat', '50ms'])
    assertEnded(finished, 78, /electionTimeoutMinMs \(100\) must be at least 3 x heartbeatIntervalMs \(50\)/)
  })

  it('does not start if the cluster to join does not respond', async () => {
    const unused = `127.0.0.1:${await freePort()}`
    const words = ['--id', 'n4', '--listen', '127.0.0.1:0', '--memory', '--join', unused]
    const finished = await run(['serve', ...words])
    assertEnded(finished, 75, /there is no cluster to join/)
  })
})

describe('a cluster of one node', function () {
  this.timeout(60_000)
  let cluster: RealCluster
  before(async () => {
    cluster = await RealCluster.started('n1')
  })
  after(() => cluster.close())

  const quorate = (...words: readonly string[]): Promise<CommandResult> =>
    runInProcess([...words, '--endpoints', cluster.endpoint('n1')])

  it('writes, reads, lists, compares and deletes values', async () => {
    assertPrinted(await quorate('put', 'colour', 'blue'), 'ok\n')
    assertPrinted(await quorate('get', 'colour'), 'blue\n')
    assertPrinted(await quorate('get', 'colour', '--local'), 'blue\n')
    assertPrinted(await quorate('cas', 'colour', 'blue', 'green'), 'ok\n')
    assertEnded(
      await quorate('cas', 'colour', 'blue', 'red'),
      1,
      /'colour' holds 'green', which is not the expected value/,
    )
    assertEnded(await quorate('put', 'colour', 'red', '--if-absent'), 1, /nothing was changed/)
    assertPrinted(await quorate('put', 'côte', 'd’azur'), 'ok\n')
    assertPrinted(await quorate('list', 'co'), 'colour\tgreen\n')
    assertPrinted(await quorate('list', '--keys'), 'colour\ncôte\n')
    assertPrinted(await quorate('delete', 'colour'), 'deleted\n')
    assertEnded(await quorate('delete', 'colour'), 1, /there is no key 'colour'/)
    assertEnded(await quorate('get', 'colour'), 1, /^error: there is no key 'colour'\n$/)
  })

  it('reads a value from standard input', async () => {
    const env = { QUORATE_ENDPOINTS: cluster.endpoint('n1') }
    assertPrinted(await run(['put', 'piped', '-'], { env, input: 'from a pipe' }), 'ok\n')
    const { value, version } = JSON.parse((await quorate('get', 'piped', '-o', 'json')).stdout)
    assert.deepEqual([value, version], ['from a pipe', 1])
  })

  it('prints the version, index, term and node with -v', async () => {
    const { stderr, exitCode } = await quorate('put', 'a', '1', '-v')
    assert.equal(exitCode, 0)
    assert.match(stderr, /^version 1 {2}index \d+ {2}term \d+ {2}by 127\.0\.0\.1:\d+\n$/)
  })

  it('rejects a value that is larger than a command may be', async () => {
    const words = ['put', 'large', '-', '--endpoints', cluster.endpoint('n1')]
    const finished = await runInProcess(words, 'x'.repeat(1_100_000))
    assertEnded(finished, 1, /error\[ERR_RAFT_TOO_LARGE\].* 11000\d\d bytes.* 1048576/s)
  })

  it('rejects an empty key and a key that is too long', async () => {
    assertEnded(await quorate('put', '', 'v'), 2, /its key is empty/)
    assertEnded(await quorate('get', 'k'.repeat(1025)), 2, /1025 bytes, the limit is 1024/)
  })

  it('answers an invalid command with a refusal and keeps serving', async () => {
    const { raftClient } = cluster.client()
    const { result } = await raftClient.proposeBytes(Buffer.from('no command of ours'))
    assert.match(
      JSON.stringify(kvResultCodec.decode(result)),
      /"refused".*bad command: it ends before the end of its key/,
    )
    assert.deepEqual(await raftClient.query({ type: 'get', key: 'nothing here' }), { type: 'absent' })
    await raftClient.close()
  })

  it('prints its status as text and as JSON', async () => {
    assert.match((await quorate('status')).stdout, /^e2e {2}term \d+ {2}leader n1 {2}commit \d+ .*1\/1 voters up/)
    const { schema, leader, nodes } = JSON.parse((await quorate('status', '-o', 'json')).stdout)
    assert.deepEqual([schema, leader, nodes.length, nodes[0].role], ['quorate.status/v1', 'n1', 1, 'leader'])
  })

  it('takes a snapshot on request', async () => {
    assert.match((await quorate('snapshot', 'take')).stdout, /^snapshot \S+ at index \d+, term \d+, \d+ bytes\n$/)
  })

  it('says that a backup was not written, and what to check', async () => {
    const finished = await quorate('snapshot', 'save', '/dev/null/a.snap')
    assertEnded(finished, 1, /could not write the backup .*hint: check the directory/s)
  })

  it('rejects the removal of its last voter and a transfer to an unknown node', async () => {
    assertEnded(await quorate('member', 'remove', 'n1'), 2, /pass --yes/)
    assertEnded(await quorate('member', 'remove', 'n1', '--yes'), 5, /error\[ERR_RAFT_.*hint: +look at the members/s)
    assertEnded(await quorate('member', 'promote', 'n9', '--yes'), 5, /error\[ERR_RAFT_/)
    assertEnded(
      await quorate('leader', 'transfer', '--to', 'n9'),
      5,
      /error\[ERR_RAFT_BAD_TARGET\].*hint: +look at the voters/s,
    )
  })

  describe('while its node is running', () => {
    it('rejects another node on the same port', async () => {
      const other = ['serve', '--id', 'n9', '--listen', cluster.endpoint('n1'), '--memory']
      const finished = await run([...other, '--peers', `n9=${cluster.endpoint('n1')}`])
      assertEnded(finished, 75, /error\[ERR_RAFT_PORT_IN_USE\].*127\.0\.0\.1:\d+/s)
      if (process.platform === 'linux') assert.match(finished.stderr, /owner: pid \d+/)
      assert.match(finished.stderr, /another port with --listen$/m)
    })

    it('rejects another node whose port for admins is taken, and names the owner and the flag', async () => {
      const other = ['serve', '--id', 'n9', '--listen', '127.0.0.1:0', '--memory', '--peers', 'n9=127.0.0.1:0']
      const finished = await run([...other, '--admin-listen', cluster.endpoint('n1')])
      assertEnded(finished, 75, /error\[ERR_RAFT_PORT_IN_USE\].*another port with --admin-listen$/ms)
      if (process.platform === 'linux') assert.match(finished.stderr, /owner: pid \d+/)
    })

    it('rejects another node with the same data directory, and names the owner', async () => {
      const finished = await serve('n1', 'n1')
      assertEnded(finished, 75, /error\[ERR_RAFT_DATA_DIR_LOCKED\].*pid \d+/s)
    })
  })

  describe('while its node is stopped', () => {
    before(async () => {
      cluster.sendSignal('n1', 'SIGTERM')
      assert.equal((await cluster.exitOf('n1')).exitCode, 0)
    })

    it('rejects another node id with its data directory', async () => {
      assertEnded(await serve('n2', 'n1'), 78, /error\[ERR_RAFT_NODE_MISMATCH\].*n1.*n2/s)
    })

    it('rejects another cluster name with its data directory', async () => {
      const finished = await serve('n1', 'n1', 'other')
      assertEnded(finished, 78, /error\[ERR_RAFT_CLUSTER_MISMATCH\].*e2e.*other/s)
    })

    it('has its data after a restart', async () => {
      cluster.start('n1')
      await cluster.leader()
      assertPrinted(await quorate('get', 'piped'), 'from a pipe\n')
    })
  })

  function serve(id: string, directory: string, clusterName = 'e2e'): Promise<CommandResult> {
    const listen = '127.0.0.1:0'
    const data = ['--data-dir', join(cluster.directory, directory), '--cluster', clusterName]
    return run(['serve', '--id', id, '--listen', listen, '--peers', `${id}=127.0.0.1:1`, ...data])
  }
})

describe('a cluster of three nodes', function () {
  this.timeout(90_000)
  let cluster: RealCluster
  before(async () => {
    cluster = await RealCluster.started('n1', 'n2', 'n3')
  })
  after(() => cluster.close())

  const quorate = (...words: readonly string[]): Promise<CommandResult> =>
    runInProcess([...words, '--endpoints', cluster.endpoints.join(',')])

  it('is reached through any node, because a follower names the leader', async () => {
    const leader = await cluster.leader()
    const follower = cluster.ids.find((id) => id !== leader) as string
    const order = [follower, ...cluster.ids.filter((id) => id !== follower)].map((id) => cluster.endpoint(id))
    const { stderr, exitCode } = await runInProcess(['put', 'a', '1', '-v', '--endpoints', order.join(',')])
    assert.equal(exitCode, 0)
    assert.match(stderr, /\(1 hop: 127\.0\.0\.1:\d+ → 127\.0\.0\.1:\d+\)/)
  })

  it('reads an own write from each node, and says how far a node lags that never has it', async () => {
    for (let round = 0; round < 3; round++) {
      const written = await quorate('put', 'own', `${round}`, '-o', 'json')
      const { index } = JSON.parse(written.stdout) as { readonly index: number }
      for (const id of cluster.ids) {
        const words = ['get', 'own', '--at-least', `${index}`, '--endpoints', cluster.endpoint(id)]
        assertPrinted(await runInProcess(words), `${round}\n`)
        const fresh = ['get', 'own', '--max-staleness', '5s', '--endpoints', cluster.endpoint(id)]
        assert.match((await runInProcess(fresh)).stdout, /^\d\n$/)
        if (round > 0) continue
        // Long enough for the connection on a busy machine.
        const tooFar = ['get', 'own', '--at-least', `${index + 1000}`, '--timeout', '1500']
        assertEnded(
          await runInProcess([...tooFar, '--endpoints', cluster.endpoint(id)]),
          4,
          /error\[ERR_RAFT_LAGGING\].* has applied index \d+, and the read wants \d+/,
        )
      }
    }
  })

  it('transfers leadership to the requested node', async () => {
    const leader = await cluster.leader()
    const next = cluster.ids.find((id) => id !== leader) as string
    assertPrinted(await quorate('leader', 'transfer', '--to', next), `${next} leads\n`)
    assert.equal(await cluster.leader(), next)
  })

  it('grows to four nodes by the commands that it prints, and shrinks to three again', async () => {
    await cluster.addNode('n4')
    const added = await quorate('member', 'add', 'n4', cluster.links.addresses.n4 ?? '', '--learner')
    assert.equal(added.exitCode, 0, added.stderr)
    assert.match(
      added.stderr,
      /quorate serve --id n4 --listen \S+ --join \S+ --data-dir \S+\n.*\n {2}quorate member promote n4/,
    )
    cluster.join('n4')
    await cluster.assertEqual()
    // The leader connects to n4 a moment after n4 has connected to it.
    let promoted = await quorate('member', 'promote', 'n4', '--yes')
    for (let tries = 0; tries < 20 && /does not reach n4/.test(promoted.stderr); tries++)
      promoted = await quorate('member', 'promote', 'n4', '--yes')
    assert.equal(promoted.exitCode, 0, promoted.stderr)
    assert.match((await quorate('member', 'list')).stdout, /^n4\tvoter\t/m)
    const demoted = await quorate('member', 'demote', 'n4', '--yes')
    assert.match(demoted.stderr, /before: 4 voters .* tolerates 1 failure\nafter: {2}3 voters .* tolerates 1 failure/)
    assert.match((await quorate('member', 'list')).stdout, /^n4\tlearner\t/m)
  })

  it('replaces a member by another one, and back again, with its progress', async () => {
    const leader = await cluster.leader()
    const old = cluster.ids.find((id) => id !== leader && id !== 'n4') as string
    const replaced = await quorate('member', 'replace', old, 'n4', cluster.links.addresses.n4 ?? '', '--yes')
    assert.equal(replaced.exitCode, 0, replaced.stderr)
    assert.match(replaced.stdout, new RegExp(`^n4 has replaced ${old} \\(index \\d+\\)\n$`))
    assert.equal((await cluster.exitOf(old)).exitCode, 78)
    cluster.setDirectory(old, join(cluster.directory, `${old}-again`))
    const words = ['member', 'add', old, cluster.links.addresses[old] ?? '', '--yes', '--wait', '30s', '-o', 'json']
    const adding = quorate(...words)
    cluster.join(old)
    const added = await adding
    assert.equal(added.exitCode, 0, added.stderr)
    const reports = added.stdout.split('\n').filter((line) => line.includes('quorate.join/v1'))
    assert.equal(JSON.parse(reports.at(-1) ?? '{}').stage, 'voter')
    const removed = await quorate('member', 'change', '--remove', 'n4', '--yes')
    assert.match(removed.stderr, /before: 4 voters .* tolerates 1 failure\nafter: {2}3 voters .* tolerates 1 failure/)
    assert.equal(removed.exitCode, 0, removed.stderr)
    await cluster.kill('n4')
    cluster.ids.pop()
  })

  it('changes nothing without a confirmation, or without a change', async () => {
    assertEnded(await quorate('member', 'demote', 'n1'), 2, /pass --yes/)
    assertEnded(await quorate('member', 'change'), 2, /nothing to change/)
    assertEnded(await quorate('member', 'replace', 'n9', 'n4', '127.0.0.1:1'), 5, /n9 is not a member: only a voter/)
  })

  it('reports a lost quorum and how many voters are needed', async () => {
    const leader = await cluster.leader()
    const [first, second] = cluster.ids.filter((id) => id !== leader) as [string, string]
    await Promise.all([cluster.kill(first), cluster.kill(leader)])
    const status = await quorate('status', '--timeout', '2s')
    assert.equal(status.exitCode, 4)
    assert.match(status.stdout, /no leader .* 1\/3 voters up {2}no quorum: needs 2/)
    assert.equal(status.stdout.match(/^✗/gm)?.length, 2)
    assertEnded(await quorate('get', 'a', '--timeout', '1s'), 4, /error\[ERR_RAFT_/)
    assertPrinted(await runInProcess(['get', 'a', '--local', '--endpoints', cluster.endpoint(second)]), '1\n')
  })
})

function assertPrinted(finished: CommandResult, stdout: string): void {
  assert.deepEqual([finished.exitCode, finished.stdout], [0, stdout], finished.stderr)
}

function assertEnded(finished: CommandResult, exitCode: number, stderr: RegExp): void {
  assert.match(finished.stderr, stderr)
  assert.equal(finished.exitCode, exitCode, finished.stderr)
}
