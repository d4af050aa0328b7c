/** Tests of who is accepted, and that they notice every access check that is left out or weakened. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { importEdited } from '../known-bugs/build-mutant.ts'
import type { Edit } from '../known-bugs/known-bug.ts'
import { decisions } from './decisions.ts'

const ENTRY_POINT = join(import.meta.dirname, 'decisions.ts')

/** The decisions that accept the caller, in full. All others refuse it. */
const ROLES: Readonly<Record<string, readonly string[]>> = {
  observer: ['observer', 'client', 'admin', 'admin by unit', 'node n1', 'DNS name of n1', 'DNS name of x-n1'],
  client: ['client', 'admin', 'admin by unit'],
  admin: ['admin', 'admin by unit'],
}

/** A weakened check: the decision is one that it gets wrong. */
interface Mutant extends Edit {
  readonly what: string
  readonly decision: string
}

const CALL_ACCESS = 'src/access/call-access.ts'
const PEER_CERTIFICATE = 'src/access/peer-certificate.ts'

const MUTANTS: readonly Mutant[] = [
  {
    what: 'a call of an admin is open to clients',
    file: 'src/access/rpc-roles.ts',
    from: "'/quorate.v1.Admin/ChangeMembership': 'admin'",
    to: "'/quorate.v1.Admin/ChangeMembership': 'client'",
    decision: 'client with no token calls /quorate.v1.Admin/ChangeMembership',
  },
  {
    what: 'a backup is open to observers',
    file: 'src/access/rpc-roles.ts',
    from: "'/quorate.v1.Admin/ReadSnapshot': 'admin'",
    to: "'/quorate.v1.Admin/ReadSnapshot': 'observer'",
    decision: 'node n1 with no token calls /quorate.v1.Admin/ReadSnapshot',
  },
  {
    what: 'a call that is missing in the table is open to clients',
    file: 'src/access/rpc-roles.ts',
    from: "(path.startsWith('/quorate.') ? undefined : 'client')",
    to: "'client'",
    decision: 'client with no token calls /quorate.v1.Admin/Unknown',
  },
  {
    what: 'any role suffices',
    file: 'src/access/roles.ts',
    from: 'ROLES.indexOf(role) >= ROLES.indexOf(needed)',
    to: 'true',
    decision: 'observer with no token calls /quorate.v1.Client/Propose',
  },
  {
    what: 'the cluster of a role is not compared',
    file: 'src/access/roles.ts',
    from: 'facts.uris.includes(roleUri(clusterId, role))',
    to: "facts.uris.some((uri) => uri.endsWith('/roles/' + role))",
    decision: 'admin of another cluster with no token calls /quorate.v1.Admin/TakeSnapshot',
  },
  {
    what: 'the cluster of a node that asks for the status is not compared',
    file: 'src/access/roles.ts',
    from: 'node !== undefined && nodeUri({ clusterId, nodeId: node.nodeId }) === uri',
    to: 'node !== undefined',
    decision: 'node n1 of another cluster with no token calls /quorate.v1.Admin/Status',
  },
  {
    what: 'only the beginning of a token is compared',
    file: CALL_ACCESS,
    from: '.update(token)',
    to: '.update(token.slice(0, 16))',
    decision: 'no certificate with a prefix of a token calls /quorate.v1.Client/Propose',
  },
  {
    what: 'an unknown token is ignored',
    file: CALL_ACCESS,
    from: 'if (authorization !== undefined && token === undefined)',
    to: 'if (false)',
    decision: 'client with a longer token calls /quorate.v1.Client/Propose',
  },
  {
    what: 'a certificate that is not trusted has its role',
    file: CALL_ACCESS,
    from: "if (caller.kind === 'certificate' && caller.problem !== undefined)",
    to: 'if (false)',
    decision: 'distrusted admin with no token calls /quorate.v1.Admin/ChangeMembership',
  },
  {
    what: 'plain text reaches the health service at a port with TLS',
    file: CALL_ACCESS,
    from: "if (caller.kind === 'plain text')",
    to: 'if (false)',
    decision: 'plain text with no token calls /grpc.health.v1.Health/Check',
  },
  {
    what: 'any trusted certificate with a URI is any node',
    file: PEER_CERTIFICATE,
    from: 'if (facts.uris.includes(nodeUri(claimed))) return true',
    to: 'if (facts.uris.length > 0) return true',
    decision: 'node n1 greets as n2',
  },
  {
    what: 'the cluster in the certificate of a node is not compared',
    file: PEER_CERTIFICATE,
    from: 'facts.uris.includes(nodeUri(claimed))',
    to: 'facts.uris.some((uri) => parseNodeUri(uri)?.nodeId === claimed.nodeId)',
    decision: 'node n1 of another cluster greets as n1',
  },
  {
    what: 'a node with a certificate that is not trusted is accepted',
    file: PEER_CERTIFICATE,
    from: "if (caller.kind === 'certificate' && caller.problem !== undefined)",
    to: 'if (false)',
    decision: 'distrusted n1 greets as n1',
  },
  {
    what: 'only the end of a DNS name is compared',
    file: PEER_CERTIFICATE,
    from: 'name.toLowerCase() === expected',
    to: 'name.toLowerCase().endsWith(expected)',
    decision: 'DNS name of x-n1 greets as n1 where DNS names count',
  },
  {
    what: 'the secret is not compared',
    file: 'src/peer-link/secret-tls.ts',
    from: "createHmac('sha256', secret)",
    to: "createHmac('sha256', 'quorate')",
    decision: 'a caller with another secret connects',
  },
]

describe('the access checks', () => {
  const made = decisions()

  for (const { path, role } of [
    { path: '/quorate.v1.Admin/Status', role: 'observer' },
    { path: '/quorate.v1.Client/Propose', role: 'client' },
    { path: '/app.Service/Call', role: 'client' },
    { path: '/quorate.v1.Admin/ChangeMembership', role: 'admin' },
    { path: '/quorate.v1.Admin/ReadSnapshot', role: 'admin' },
    { path: '/quorate.v1.Admin/Unknown', role: 'none' },
  ])
    it(`accept exactly the callers with the role ${role} or a stronger one at ${path}`, () => {
      const suffix = ` with no token calls ${path}`
      const accepted = [...made].filter(([name, result]) => name.endsWith(suffix) && result === 'accepted')
      assert.deepEqual(accepted.map(([name]) => name.slice(0, -suffix.length)).sort(), [...(ROLES[role] ?? [])].sort())
    })

  it('accept a token exactly', () => {
    const results = ['its token', 'a prefix of a token', 'a longer token'].map((token) =>
      made.get(`no certificate with ${token} calls /quorate.v1.Client/Propose`),
    )
    assert.deepEqual(results, ['accepted', 'ERR_RAFT_UNAUTHENTICATED', 'ERR_RAFT_UNAUTHENTICATED'])
  })

  it('accept as a node only the owner of its certificate', () => {
    const accepted = [...made].filter(([name, result]) => / greets as /.test(name) && result === 'accepted')
    assert.deepEqual(
      accepted.map(([name]) => name),
      [
        'node n1 greets as n1',
        'node n1 greets as n1 where DNS names count',
        'DNS name of n1 greets as n1 where DNS names count',
      ],
    )
  })

  it('accept the secret, and no other', () => {
    assert.equal(made.get('a caller with the secret connects'), 'accepted')
    assert.equal(made.get('a caller with another secret connects'), 'refused')
  })

  for (const [offset, { what, decision, ...edit }] of MUTANTS.entries())
    it(`decide otherwise if ${what}`, async () => {
      const name = `access-${offset}`
      const mutant = await importEdited<{ decisions: typeof decisions }>(name, ENTRY_POINT, [edit])
      const results = [made.get(decision), mutant.decisions().get(decision)]
      assert.notEqual(results[0], 'accepted')
      assert.equal(results[1], 'accepted')
    })
})
