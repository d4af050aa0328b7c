/** Options for TLS that would have no effect are rejected: where one is ignored, a port is open that seems protected. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clientTls } from '../../src/cli/tls-files.ts'
import { connect, startNode } from '../../src/index.ts'
import { MemoryNetwork, MemoryStorage } from '../../src/memory/index.ts'
import { NODE } from '../peer-link/certificates.ts'

const SECRET = 'a secret of the cluster'

describe('options for TLS', () => {
  const { ca, cert, key } = NODE
  let directory: string
  let files: {
    readonly caFile: string
    readonly certFile: string
    readonly keyFile: string
    readonly secretFile: string
  }
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-tls-options-'))
    const write = (name: string, content: unknown): string => {
      const path = join(directory, name)
      writeFileSync(path, String(content))
      return path
    }
    files = {
      ...{ caFile: write('ca.crt', ca), certFile: write('n1.crt', cert), keyFile: write('n1.key', key) },
      secretFile: write('secret', SECRET),
    }
  })
  after(() => rmSync(directory, { recursive: true }))

  // The compiler rejects some of these; a program in JavaScript has no compiler.
  const start = (options: object) =>
    startNode({
      ...{
        id: 'n1',
        cluster: 'test',
        peers: { n1: '127.0.0.1:0' },
        listen: '127.0.0.1:0',
        storage: new MemoryStorage(),
      },
      ...{ stateMachine: { apply: () => 0, snapshot: () => [], restore: () => undefined } },
      ...options,
    })
  const open = (options: object) => connect({ endpoints: ['127.0.0.1:1'], ...options })
  const flags = async (options: object) => clientTls(options)

  for (const { of, what, options, expected } of [
    {
      ...{ of: start, what: 'a node with files and contents' },
      options: () => ({ tls: { certFile: files.certFile, keyFile: files.keyFile, ca } }),
      expected: /tls is invalid: ca and files exclude each other: pass `keyFile`, `certFile` and `caFile`, or/,
    },
    {
      ...{ of: start, what: 'a node with a misspelt rule' },
      options: () => ({ tls: { ca, cert, key, verifyClient: false } }),
      expected: /tls is invalid: verifyClient is not an option; did you mean verifyClients\?/,
    },
    {
      ...{ of: start, what: 'a node with files and a misspelt rule' },
      options: () => ({ tls: { ...withoutSecret(files), nodeDNSNames: '{id}.kv' } }),
      expected: /tls is invalid: nodeDNSNames is not an option; did you mean nodeDnsNames\?/,
    },
    {
      ...{ of: start, what: 'a node with a secret in `tls`' },
      options: () => ({ tls: { ca, cert, key, clusterSecret: SECRET } }),
      expected: /tls has `clusterSecret`, which is an option beside `tls`/,
    },
    {
      ...{ of: start, what: 'a node with a secret for a transport of its own' },
      options: () => ({
        ...{ listen: undefined, transport: new MemoryNetwork().transport('n1'), clusterSecret: SECRET },
      }),
      expected: /clusterSecret is for clients at `listen`, which is missing/,
    },
    {
      ...{ of: open, what: 'a client with files and contents' },
      options: () => ({ tls: { caFile: files.caFile, cert, key } }),
      expected: /tls is invalid: cert and files exclude each other: .*, and key and files exclude each other/,
    },
    {
      ...{ of: open, what: 'a client with a misspelt option' },
      options: () => ({ tls: { CA: ca } }),
      expected: /tls is invalid: CA is not an option; did you mean ca\?/,
    },
    {
      ...{ of: open, what: 'a client with certificates and a secret' },
      options: () => ({ tls: { ca }, clusterSecret: SECRET }),
      expected: /tls and `clusterSecret` exclude each other/,
    },
    {
      ...{ of: open, what: 'a client with a token and a secret' },
      options: () => ({ token: 'a token of this client', clusterSecret: SECRET }),
      expected: /token has no effect with `clusterSecret`/,
    },
    {
      ...{ of: open, what: 'a client with TLS in two places' },
      options: () => ({ clusterSecret: SECRET, grpc: { tls: { ca } } }),
      expected: /grpc has `tls`, beside `clusterSecret`: pass one of them/,
    },
    {
      ...{ of: open, what: 'a client with a channel of its own' },
      options: () => ({ ...{ channel: () => undefined, tls: { ca }, token: 'a token of this client', grpc: {} } }),
      expected: /tls and `channel` exclude each other: .*; token and `channel` .*; grpc and `channel` /,
    },
    {
      ...{ of: flags, what: 'a command with certificates and a secret' },
      options: () => ({ clusterSecret: files.secretFile, tlsCa: files.caFile }),
      expected: /--cluster-secret and --tls-ca, --tls-cert and --tls-key exclude each other/,
    },
  ])
    it(`are rejected for ${what}`, () => assert.rejects(of(options()), { code: 'ERR_RAFT_OPTIONS', message: expected }))

  it('may be undefined', async () => {
    const client = await open({
      tls: { caFile: undefined, ca, cert, key },
      channel: undefined,
      clusterSecret: undefined,
    })
    await client.close()
  })
})

function withoutSecret({ secretFile: _, ...files }: { readonly secretFile: string }): object {
  return files
}
