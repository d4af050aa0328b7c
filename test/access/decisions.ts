/** Every decision of the access checks about a table of callers: who may call what, and who is accepted as which node. */
import { CallAccess } from '../../src/access/call-access.ts'
import type { Caller } from '../../src/access/caller.ts'
import { peerRefusal } from '../../src/access/peer-certificate.ts'
import { ROLE_OF_RPC } from '../../src/access/rpc-roles.ts'
import { secretClient, secretServer } from '../../src/peer-link/secret-tls.ts'

const TOKEN = 'a-long-random-token-of-a-client'
const DNS_NAMES = '{id}.kv.example'

const certificate = (
  uris: readonly string[],
  rest: { dnsNames?: string[]; units?: string[]; problem?: string } = {},
): Caller => {
  const { dnsNames = [], units = [], problem } = rest
  return {
    kind: 'certificate',
    facts: { subject: 'CN=x', issuer: 'CN=ca', uris, dnsNames, organizationalUnits: units },
    problem,
  }
}

const CALLERS: Readonly<Record<string, Caller>> = {
  'plain text': { kind: 'plain text' },
  'no certificate': { kind: 'anonymous' },
  'no role': certificate([]),
  'distrusted admin': certificate(['raft://kv/roles/admin'], { problem: 'it has expired' }),
  observer: certificate(['raft://kv/roles/observer']),
  client: certificate(['raft://kv/roles/client']),
  admin: certificate(['raft://kv/roles/admin']),
  'admin of another cluster': certificate(['raft://other/roles/admin']),
  'admin by unit': certificate([], { units: ['operators'] }),
  'another unit': certificate([], { units: ['operators2'] }),
  'node n1': certificate(['raft://kv/n1']),
  'distrusted n1': certificate(['raft://kv/n1'], { problem: 'it is signed by itself' }),
  'node n1 of another cluster': certificate(['raft://other/n1']),
  'DNS name of n1': certificate([], { dnsNames: ['N1.kv.example'] }),
  'DNS name of x-n1': certificate([], { dnsNames: ['x-n1.kv.example', 'n1.kv.example.org'] }),
}

const TOKENS: Readonly<Record<string, string | undefined>> = {
  'no token': undefined,
  'its token': `Bearer ${TOKEN}`,
  'a prefix of a token': `Bearer ${TOKEN.slice(0, -1)}`,
  'a longer token': `Bearer ${TOKEN}x`,
}

/** By decision, the code of the refusal, or 'accepted'. */
export function decisions(): ReadonlyMap<string, string> {
  const made = new Map<string, string>()
  const access = new CallAccess({
    verifyClients: true,
    rolesOfUnits: { operators: 'admin' },
    nodeDnsNames: DNS_NAMES,
    tokens: { [TOKEN]: 'client' },
  })
  access.clusterId = 'kv'
  const paths = [...Object.keys(ROLE_OF_RPC), '/quorate.v1.Admin/Unknown', '/app.Service/Call']
  for (const path of paths)
    for (const [who, caller] of Object.entries(CALLERS))
      for (const [which, authorization] of Object.entries(TOKENS))
        made.set(`${who} with ${which} calls ${path}`, access.refusal(path, caller, authorization)?.code ?? 'accepted')
  for (const [who, caller] of Object.entries(CALLERS))
    for (const nodeId of ['n1', 'n2'])
      for (const dnsNames of [undefined, DNS_NAMES])
        made.set(
          `${who} greets as ${nodeId}${dnsNames === undefined ? '' : ' where DNS names count'}`,
          peerRefusal(caller, { clusterId: 'kv', nodeId }, dnsNames)?.code ?? 'accepted',
        )
  for (const [what, secret] of [
    ['the secret', 'a secret of the cluster'],
    ['another secret', 'a secret of another cluster'],
  ] as const) {
    const proof = secretClient({ clusterSecret: secret }).pskCallback?.(null)?.psk as Buffer
    const known = secretServer({ clusterSecret: 'a secret of the cluster' }).pskCallback?.(null as never, 'quorate')
    made.set(`a caller with ${what} connects`, proof.equals(known as Buffer) ? 'accepted' : 'refused')
  }
  return made
}
