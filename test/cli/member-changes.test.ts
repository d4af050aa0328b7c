/** Tests of the commands that change members, against a node that plays a leader: what they ask, what they request, and when they try again. */
import assert from 'node:assert/strict'
import { RaftError } from '../../src/errors.ts'
import { runInProcess } from '../e2e/command.ts'
import { disposeAll, EchoNode, serve } from '../grpc/echo-node.ts'
import { peer, status } from './status-answers.ts'

const NOWHERE = '127.0.0.1:1'
const NOT_READY = 'n4 is 5000 entries behind, and has 0 committed ones still to apply'

describe('a command that changes members', () => {
  let leader: EchoNode
  let endpoint: string

  /** n1 is the only voter, and n4 a learner that stores everything. */
  async function lead(): Promise<void> {
    leader = new EchoNode()
    const { address } = await serve(leader)
    endpoint = address
    const members = ['n1', 'n4'].map((id) => ({
      ...{ id, address: id === 'n1' ? address : NOWHERE, directoryId: 'd', addedAt: 0, promote: false },
    }))
    leader.report = status('n1', {
      ...{ role: 'leader', address, membershipIndex: 17, peers: [peer('n4')] },
      membership: { members, voters: ['n1'], outgoing: [], learners: ['n4'] },
    })
  }

  afterEach(disposeAll)

  const quorate = (words: string, answer?: string) => runInProcess([...words.split(' '), '-e', endpoint], '', answer)
  const changes = () => leader.calls.filter(({ kind }) => kind === 'change').map(({ what }) => what)

  for (const { words, before, after, asked } of [
    {
      words: 'member add n2 127.0.0.1:2',
      before: '1 voter (n1), needs 1, tolerates 0 failures',
      after: '2 voters (n1 n2), needs 2, tolerates 0 failures',
      asked: 'add n2?',
    },
    {
      words: 'member promote n4',
      before: '1 voter (n1), needs 1, tolerates 0 failures',
      after: '2 voters (n1 n4), needs 2, tolerates 0 failures',
      asked: 'promote n4?',
    },
    {
      words: 'member update n4 127.0.0.1:2',
      before: '1 voter (n1), needs 1, tolerates 0 failures, n4 at 127.0.0.1:1',
      after: '1 voter (n1), needs 1, tolerates 0 failures, n4 at 127.0.0.1:2',
      asked: 'record n4 at 127.0.0.1:2?',
    },
    {
      words: 'member change --add n2=127.0.0.1:2 --promote n4',
      before: '1 voter (n1), needs 1, tolerates 0 failures',
      after: '3 voters (n1 n4 n2), needs 2, tolerates 1 failure',
      asked: 'add n2, promote n4?',
    },
    {
      words: 'member replace n1 n4 127.0.0.1:1',
      before: '1 voter (n1), needs 1, tolerates 0 failures',
      after: '1 voter (n4), needs 1, tolerates 0 failures',
      asked: 'replace n1 by n4?',
    },
    {
      words: 'leader transfer --force --to n2',
      before: '1 voter (n1), needs 1, tolerates 0 failures, n1 leads',
      after: '1 voter (n1), needs 1, tolerates 0 failures, n2 leads',
      asked: 'transfer leadership to n2, even if it should not lead now?',
    },
  ])
    it(`\`${words}\` shows the voters before and after, and asks`, async () => {
      await lead()
      const preview = `before: ${before}\nafter:  ${after}\n`
      const silent = await quorate(words)
      assert.ok(silent.stderr.startsWith(preview), silent.stderr)
      assert.match(silent.stderr, /needs a confirmation.*\n {2}hint: +pass --yes/s)
      assert.equal(silent.exitCode, 2)
      const refused = await quorate(words, 'n')
      assert.ok(refused.stderr.startsWith(`${preview}${asked} [y/N] `), refused.stderr)
      assert.match(refused.stderr, /nothing was changed/)
      assert.deepEqual([refused.exitCode, changes(), leader.count('transfer')], [1, [], 0])
      const agreed = await quorate(words, 'y')
      assert.equal(agreed.exitCode, 0, agreed.stderr)
      assert.equal(changes().length + leader.count('transfer'), 1)
    })

  it('does not ask if no voter changes', async () => {
    await lead()
    for (const words of ['member add n2 127.0.0.1:2 --learner', 'member remove n4', 'leader transfer --to n2']) {
      const { exitCode, stderr } = await quorate(words)
      assert.equal(exitCode, 0, stderr)
      assert.doesNotMatch(stderr, /before:/)
    }
  })

  it('applies only to the membership of --if-index', async () => {
    await lead()
    leader.change = async () => {
      throw new RaftError('ERR_RAFT_MEMBERSHIP_CHANGED', 'the membership is that of index 17 by now')
    }
    for (const words of [
      'member add n5 127.0.0.1:2',
      'member remove n1',
      'member promote n4',
      'member demote n1',
      'member update n1 127.0.0.1:2',
      'member change --remove n4',
      'member replace n1 n5 127.0.0.1:2',
      'member replace n1 n4 127.0.0.1:1',
    ]) {
      leader.calls.length = 0
      const { exitCode, stderr } = await quorate(`${words} --yes --if-index 16`)
      assert.match(stderr, /error\[ERR_RAFT_MEMBERSHIP_CHANGED\]/)
      assert.deepEqual([exitCode, changes().map((change) => (change as { ifIndex: number }).ifIndex)], [5, [16]], words)
    }
  })

  it('finds the index in member list', async () => {
    await lead()
    assert.match((await quorate('member list')).stdout, /^n4\tlearner\t.*\nmembership index\t17\n$/m)
    assert.equal(JSON.parse((await quorate('member list -o json')).stdout).membershipIndex, 17)
  })

  it('replaces a member once the leader says that the new one is ready, as long as --wait lasts', async () => {
    await lead()
    let rejections = 0
    leader.change = async () => {
      if (++rejections > 2) return { index: 21 }
      throw new RaftError('ERR_RAFT_LEARNER_NOT_READY', NOT_READY)
    }
    const replaced = await quorate(`member replace n1 n4 ${NOWHERE} --yes`)
    assert.deepEqual([replaced.exitCode, replaced.stdout], [0, 'n4 has replaced n1 (index 21)\n'], replaced.stderr)
    assert.equal(changes().length, 3)
    rejections = -1000
    const late = await quorate(`member replace n1 n4 ${NOWHERE} --yes --wait 1ms`)
    assert.match(late.stderr, new RegExp(`n4 is not a voter after 0 s: ${NOT_READY}`))
    assert.equal(late.exitCode, 4)
  })

  it('replaces no member by one that is a member at another address', async () => {
    await lead()
    const { exitCode, stderr } = await quorate('member replace n1 n4 127.0.0.1:2 --yes')
    assert.match(stderr, /n4 is a member at 127\.0\.0\.1:1, not at 127\.0\.0\.1:2\n {2}hint: .*member update n4/)
    assert.deepEqual([exitCode, changes()], [5, []])
  })
})
