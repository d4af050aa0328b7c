/** Tests of what a bundle gives away. */
import assert from 'node:assert/strict'
import type { Bundle } from '../../src/cli/debug/bundle.ts'
import { bundleText } from '../../src/cli/debug/bundle.ts'
import { answered, down, MEMBERSHIP, status } from './status-answers.ts'

const MEMBERS = MEMBERSHIP.members.map((member) => ({
  ...member,
  address: `${member.id}.prod.example:7001`,
  directoryId: `directory-id-of-${member.id}`,
  boot: { number: 3, id: `boot-id-of-${member.id}` },
  metadata: { http: `https://${member.id}.secret.example` },
}))

const BUNDLE: Bundle = {
  ...{ schema: 'quorate.debug/v1', time: '2026-01-01T00:00:00.000Z', isRedacted: true, made: { release: '0.1.0' } },
  answers: [
    answered(
      status('n1', {
        ...{ clusterId: 'payments-eu', address: 'n1.prod.example:7001', directoryId: 'directory-id-of-n1' },
        membership: { ...MEMBERSHIP, members: MEMBERS },
      }),
    ),
    { ...down('n2'), address: '10.1.2.3:7001' },
  ],
  ...{ status: undefined, diagnosis: undefined, directories: [{ path: '/srv/payments/n3', error: 'locked' }] },
  logs: [
    { path: '/var/log/n1.log', end: 'peer n2.prod.example:7001 of payments-eu refused at 10.1.2.3', isWhole: true },
  ],
}

describe('a debug bundle', () => {
  it('contains no host, id, metadata or path, wherever they occur', () => {
    const text = bundleText(BUNDLE)
    for (const secret of ['example', 'payments', '10.1.2.3', 'directory-id', 'boot-id', '/srv', '/var/log'])
      assert.ok(!text.includes(secret), `it contains ${secret}`)
  })

  it('names the same thing by the same placeholder, and keeps ids of nodes and ports', () => {
    const { logs, answers } = JSON.parse(bundleText(BUNDLE))
    const [, host] = /^peer (host-\d+):7001 of cluster-1 refused at host-\d+$/.exec(logs[0].end) ?? []
    const [, second] = answers[0].status.membership.members
    assert.deepEqual([second.id, second.address], ['n2', `${host}:7001`])
  })

  it('keeps everything if it is not redacted', () => {
    assert.deepEqual(JSON.parse(bundleText({ ...BUNDLE, isRedacted: false })).answers[1].address, '10.1.2.3:7001')
  })
})
