/** Tests of which node `quorate snapshot save` reads from. */
import assert from 'node:assert/strict'
import { sourceOf } from '../../src/cli/commands/save.ts'
import { buildStatusReport } from '../../src/cli/status/status-report.ts'
import type { NodeStatus } from '../../src/contracts/node-service.ts'
import { answered, down, peer, status } from './status-answers.ts'

describe('the source of a backup', () => {
  it('is a follower', () => assert.equal(chosen({}, {}), 'n2'))

  it('is no follower that the leader does not reach, that has stopped or that has an alarm', () => {
    assert.equal(chosen({ leader: undefined, role: 'pre-candidate' }, {}, ['n3']), 'n3')
    assert.equal(chosen({ stopped: 'the disk has failed' }, {}), 'n3')
    const alarms = [{ code: 'SPACE_LOW', peer: undefined, forMs: 0, details: {}, message: 'free space' }] as const
    assert.equal(chosen({ alarms }, {}), 'n3')
    assert.equal(chosen({}, {}, []), 'n1')
  })

  it('is any member that runs if the leader does not answer', () => {
    const report = buildStatusReport([
      down('n1'),
      answered(status('n2', { stopped: 'closed' })),
      answered(status('n3')),
    ])
    assert.equal(sourceOf(report).id, 'n3')
  })

  it('is no node that was removed', () => {
    const removed = status('n0', { address: '127.0.0.1:7000' })
    const leads = status('n1', { role: 'leader', peers: [peer('n2', { isReplicating: false })] })
    assert.equal(sourceOf(buildStatusReport([answered(removed), answered(leads), answered(status('n2'))])).id, 'n1')
  })

  it('does not exist if none that answers runs', () => {
    const report = buildStatusReport([down('n1'), answered(status('n2', { stopped: 'closed' })), down('n3')])
    assert.throws(() => sourceOf(report), { exitCode: 3 })
  })

  function chosen(
    n2: Partial<NodeStatus>,
    n3: Partial<NodeStatus>,
    replicating: readonly string[] = ['n2', 'n3'],
  ): string {
    const peers = ['n2', 'n3'].map((id) => peer(id, { isReplicating: replicating.includes(id) }))
    const statuses = [status('n1', { role: 'leader', peers }), status('n2', n2), status('n3', n3)]
    return sourceOf(buildStatusReport(statuses.map(answered))).id
  }
})
