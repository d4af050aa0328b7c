/** Tests of `quorate version --cluster`: the releases of the nodes, and the protocol between them. */
import assert from 'node:assert/strict'
import type { StatusAnswer } from '../../src/cli/status/status-report.ts'
import { buildStatusReport } from '../../src/cli/status/status-report.ts'
import { buildVersionReport, formatVersions } from '../../src/cli/status/version-report.ts'
import { answered, down, IDS, status } from './status-answers.ts'

/** The answer of a node of a release that supports versions 2 to `max`; `inUse` are the versions in use with its peers, in order. */
function node(id: string, version: string, max: number, inUse: readonly number[]): StatusAnswer {
  const others = IDS.filter((each) => each !== id)
  const peers = inUse.map((used, at) => ({ id: others[at] as string, version: used }))
  return answered(status(id, { version, protocol: { min: 2, max, peers } }))
}

const reportOf = (...answers: readonly StatusAnswer[]) => buildVersionReport(buildStatusReport(answers))

describe('the versions of a cluster', () => {
  it('are one release and one protocol, without a warning', () => {
    const report = reportOf(...IDS.map((id) => node(id, '0.1.0', 3, [3, 3])))
    assert.deepEqual(report.releases, ['0.1.0'])
    assert.deepEqual(report.protocolInUse, { min: 3, max: 3 })
    assert.deepEqual(report.warnings, [])
    assert.equal(
      formatVersions(report),
      [
        'kv-demo  release 0.1.0  protocol 3 in use between nodes',
        'MEMBER  ADDRESS         RELEASE  STORAGE   TRANSPORT  PROTOCOL  IN USE  MACHINE',
        'n1      127.0.0.1:7001  0.1.0    segments  tcp        2 to 3    3       -',
        'n2      127.0.0.1:7002  0.1.0    segments  tcp        2 to 3    3       -',
        'n3      127.0.0.1:7003  0.1.0    segments  tcp        2 to 3    3       -',
        '',
      ].join('\n'),
    )
  })

  it('are a mix during an upgrade, with a warning that names the nodes of each release', () => {
    const report = reportOf(
      node('n1', '0.10.0', 4, [4, 3]),
      node('n2', '0.10.0', 4, [4, 3]),
      node('n3', '0.9.0', 3, [3, 3]),
    )
    assert.deepEqual(report.releases, ['0.9.0', '0.10.0'])
    assert.deepEqual(report.protocolInUse, { min: 3, max: 4 })
    const [releases, protocol, ...more] = report.warnings
    assert.match(releases as string, /^the nodes run 2 releases: 0\.9\.0 \(n3\), 0\.10\.0 \(n1, n2\)/)
    assert.equal(protocol, 'n3 supports version 3 of the protocol between nodes at most, and others 4.')
    assert.deepEqual(more, [])
    assert.match(
      formatVersions(report),
      /releases 0\.9\.0, 0\.10\.0 {2}protocol 3 to 4 in use.*\nwarning: the nodes run/s,
    )
  })

  it('are known of an older node that does not tell, from its peers', () => {
    const old = answered(status('n3', { version: '0.1.0' }))
    const { nodes, warnings } = reportOf(node('n1', '0.1.0', 3, [3, 2]), node('n2', '0.1.0', 3, [3, 2]), old)
    assert.equal(nodes[2]?.protocol, undefined)
    assert.deepEqual(warnings, ['n3 supports version 2 of the protocol between nodes at most, and others 3.'])
  })

  it('show the machine version in force, and which member holds it back', () => {
    const machine = (supported: number, inForce = 2) => ({ inForce, supported, peers: [] })
    const answers = [status('n1', { machine: machine(3) }), status('n2', { machine: machine(2, 1) }), status('n3', {})]
    const report = reportOf(...answers.map(answered))
    assert.equal(report.machineVersion, 2)
    const heldBack = (id: string, version: number) =>
      `the state machine of ${id} supports version ${version} at most, and others 3: no newer one comes into force.`
    assert.deepEqual(report.warnings, [heldBack('n2', 2), heldBack('n3', 1)])
    assert.match(formatVersions(report), /^kv-demo .* {2}machine version 2 in force\n/)
  })

  it('are unknown of a node that does not answer, which a warning says', () => {
    const report = reportOf(node('n1', '0.1.0', 3, [3]), node('n2', '0.1.0', 3, [3]), down('n3'))
    assert.equal(report.nodes[2]?.release, undefined)
    assert.deepEqual(report.warnings, ['n3 does not answer (refused): its release is unknown.'])
    assert.match(formatVersions(report), /n3 .* unknown \(refused\) /)
  })
})
