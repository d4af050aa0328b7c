/** Every call that a node serves has a role, and certificates and tokens give roles. */
import assert from 'node:assert/strict'
import type { X509Certificate } from 'node:crypto'
import { Server } from '@grpc/grpc-js'
import { CallAccess } from '../../../src/access/call-access.ts'
import type { Caller } from '../../../src/access/caller.ts'
import { certificateFacts } from '../../../src/access/caller.ts'
import { ROLE_OF_RPC, roleOfRpc } from '../../../src/access/rpc-roles.ts'
import { KeyValueMachine } from '../../../src/kv/index.ts'
import { MemoryDisk, MemoryStorage } from '../../../src/memory/index.ts'
import { startNode } from '../../../src/start-node.ts'

describe('the roles of calls', () => {
  it('are complete for what a node serves, and name nothing else', async () => {
    const paths = new Set<string>()
    const { register } = Server.prototype
    Server.prototype.register = function (this: Server, ...args: unknown[]) {
      paths.add(String(args[0]))
      return Reflect.apply(register, this, args)
    } as typeof register
    try {
      const storage = new MemoryStorage({ disk: new MemoryDisk() })
      const peers = { n1: '127.0.0.1:0' }
      const options = { id: 'n1', peers, listen: '127.0.0.1:0', storage, stateMachine: new KeyValueMachine() }
      await (await startNode(options)).close()
    } finally {
      Server.prototype.register = register
    }
    assert.deepEqual([...paths].sort(), Object.keys(ROLE_OF_RPC).sort())
  })

  it('refuse a call of this package that has none, and take one of an application as that of a client', () => {
    assert.equal(roleOfRpc('/quorate.v1.Admin/Forgotten'), undefined)
    assert.equal(roleOfRpc('/shop.v1.Orders/Place'), 'client')
  })
})

describe('the access of a caller', () => {
  const access = new CallAccess({
    ...{ verifyClients: true, nodeDnsNames: '{id}.kv.example', rolesOfUnits: { ops: 'admin' } },
    tokens: { 'a-long-random-text': 'client' },
  })
  access.clusterId = 'kv'
  const STATUS = '/quorate.v1.Admin/Status'
  const CHANGE = '/quorate.v1.Admin/ChangeMembership'
  const QUERY = '/quorate.v1.Client/Query'
  const certificate = (subjectAltName: string, OU?: string, problem?: string): Caller => ({
    kind: 'certificate',
    facts: certificateFacts({
      ...{ subject: 'CN=x', issuer: 'CN=y', subjectAltName, toLegacyObject: () => ({ subject: { OU } }) },
    } as unknown as X509Certificate),
    problem,
  })
  const codeOf = (path: string, caller: Caller, token?: string): string | undefined =>
    access.refusal(path, caller, token === undefined ? undefined : `Bearer ${token}`)?.code

  for (const { what, caller, token, allowed } of [
    { what: 'a role URI', caller: certificate('URI:raft://kv/roles/client'), allowed: [STATUS, QUERY] },
    { what: 'an organizational unit', caller: certificate('', 'ops'), allowed: [STATUS, QUERY, CHANGE] },
    { what: 'a unit without a role', caller: certificate('', 'toString'), allowed: [] },
    { what: 'the URI of a node', caller: certificate('URI:raft://kv/n1'), allowed: [STATUS] },
    { what: 'the DNS name of a node', caller: certificate('DNS:n1.kv.example'), allowed: [STATUS] },
    { what: 'a DNS name of no node', caller: certificate('DNS:.kv.example, DNS:n1.kv.example.org'), allowed: [] },
    { what: 'the role URI of another cluster', caller: certificate('URI:raft://k/roles/admin'), allowed: [] },
    { what: 'a token', caller: { kind: 'anonymous' } as Caller, token: 'a-long-random-text', allowed: [STATUS, QUERY] },
    {
      what: 'a token besides a stronger certificate',
      caller: certificate('', 'ops'),
      token: 'a-long-random-text',
      allowed: [STATUS, QUERY, CHANGE],
    },
  ])
    it(`is by ${what}`, () => {
      for (const path of [STATUS, QUERY, CHANGE])
        assert.equal(codeOf(path, caller, token), allowed.includes(path) ? undefined : 'ERR_RAFT_UNAUTHORIZED', path)
    })

  for (const { what, caller, token } of [
    {
      what: 'a certificate that is not trusted',
      caller: certificate('URI:raft://kv/roles/admin', 'ops', 'it has expired'),
    },
    { what: 'no certificate', caller: { kind: 'anonymous' } as Caller },
    { what: 'an unknown token', caller: { kind: 'anonymous' } as Caller, token: 'another-random-text' },
    { what: 'plain text', caller: { kind: 'plain text' } as Caller, token: 'a-long-random-text' },
  ])
    it(`is refused with ${what}`, () => {
      for (const path of [STATUS, QUERY, CHANGE]) assert.equal(codeOf(path, caller, token), 'ERR_RAFT_UNAUTHENTICATED')
    })
})
