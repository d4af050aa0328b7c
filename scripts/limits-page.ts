/** Writes docs/reference/limits.md from the options in the source: the name, default and description of every limit. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '..')
export const LIMITS_PAGE: string = join(ROOT, 'docs/reference/limits.md')

/** The sources of the limits: an interface whose comments describe them, and a constant with their defaults. */
const TABLES = [
  {
    title: 'The protocol',
    about: 'Options of `startNode`. All nodes of a cluster should have the same election timeouts.',
    file: 'src/core/options.ts',
    interface: 'RaftOptions',
    defaults: 'RAFT_DEFAULTS',
  },
  {
    title: 'A node',
    about:
      'Options of `startNode`. A call beyond a limit fails with `ERR_RAFT_OVERLOADED` or `ERR_RAFT_TOO_LARGE`, which contain both numbers.',
    file: 'src/runtime/options.ts',
    interface: 'RuntimeOptions',
    defaults: 'RUNTIME_DEFAULTS',
  },
  {
    title: 'Client sessions',
    about:
      'Options of `startNode`. Those of the node at which a session is registered are in force on all nodes, from that entry of the log on.',
    file: 'src/sessions/limits.ts',
    interface: 'SessionLimits',
    defaults: 'SESSION_DEFAULTS',
  },
  {
    title: 'Links between nodes',
    about:
      'Options of `GrpcTransport` (`quorate/grpc`) and `TcpTransport` (`quorate/tcp`). Messages beyond a limit are dropped, as in a network, and sent again by Raft.',
    file: 'src/peer-link/limits.ts',
    interface: 'PeerLinkLimits',
    defaults: 'PEER_LINK_DEFAULTS',
  },
  {
    title: 'Connections over gRPC',
    about: 'Further options of `GrpcTransport` (`quorate/grpc`).',
    file: 'src/grpc/peer/transport-options.ts',
    interface: 'GrpcTransportLimits',
    defaults: 'GRPC_TRANSPORT_DEFAULTS',
  },
  {
    title: 'The disk',
    about: 'Options of `RocksDBStorage` (`quorate/rocksdb`).',
    file: 'src/rocksdb/options.ts',
    interface: 'RocksDBStorageOptions',
    defaults: 'ROCKSDB_STORAGE_DEFAULTS',
  },
  {
    title: 'The disk without RocksDB',
    about: 'Options of `SegmentStorage` (`quorate/segments`).',
    file: 'src/segments/options.ts',
    interface: 'SegmentStorageOptions',
    defaults: 'SEGMENT_STORAGE_DEFAULTS',
  },
  {
    title: 'The services for clients',
    about: 'Options of `clientService` and `adminService` (`quorate/grpc`).',
    file: 'src/grpc/shared/service-limits.ts',
    interface: 'ServiceLimits',
    defaults: 'SERVICE_LIMITS',
  },
  {
    title: 'The port for admins',
    about: 'Of the connections at `adminListen`. They are no options.',
    file: 'src/peer-link/limits.ts',
    interface: 'PeerLinkLimits',
    defaults: 'ADMIN_PORT_LIMITS',
    defaultsFile: 'src/grpc/admin-port.ts',
  },
  {
    title: 'The HTTP port for operators',
    about: 'Options of `serveHttp` (`quorate/http`).',
    file: 'src/http/limits.ts',
    interface: 'HttpLimits',
    defaults: 'HTTP_DEFAULTS',
  },
  {
    title: 'The dashboard',
    about: 'Options of `NodeFeed` and `dashboardRoutes` (`quorate/http`).',
    file: 'src/http/limits.ts',
    interface: 'DashboardLimits',
    defaults: 'DASHBOARD_DEFAULTS',
  },
  {
    title: 'The client',
    about: 'Options of `connect`.',
    file: 'src/client/options.ts',
    interface: 'ClientLimitOptions',
    defaults: 'CLIENT_DEFAULTS',
  },
  {
    title: "The client's stream",
    about: 'Options of `grpcChannelFactory` (`quorate/grpc`).',
    file: 'src/grpc/client/request-window.ts',
    interface: 'StreamLimits',
    defaults: 'GRPC_CLIENT_DEFAULTS',
    defaultsFile: 'src/grpc/client/client-channel.ts',
  },
] as const

export function limitsPage(): string {
  const head = [
    '# Limits',
    '',
    'Every queue, window, cache, retry and file has a limit with a name and a default. `make fix` writes this page from the source, and a',
    'test compares them. In options, sizes are in bytes and times in milliseconds.',
    '',
  ]
  return [...head, ...TABLES.flatMap(section)].join('\n')
}

function section(table: (typeof TABLES)[number]): string[] {
  const descriptions = descriptionsIn(parse(table.file), table.interface)
  const defaults = defaultsIn(parse('defaultsFile' in table ? table.defaultsFile : table.file), table.defaults)
  const rows = descriptions
    .filter(({ name }) => defaults.has(name))
    .map(({ name, description }) => `| \`${name}\` | ${defaults.get(name)} | ${description} |`)
  if (rows.length === 0) throw new Error(`${table.file} has no limits in ${table.interface} and ${table.defaults}`)
  return [`## ${table.title}`, '', table.about, '', '| name | default | what it limits |', '|---|---|---|', ...rows, '']
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.Latest, true)
}

/** The members of an interface with their comments. A member without a comment has that of the previous member. */
function descriptionsIn(file: ts.SourceFile, name: string): { name: string; description: string }[] {
  const declaration = file.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  )
  let last = ''
  return (declaration?.members ?? []).map((member) => {
    const comment = ts.getJSDocCommentsAndTags(member).map((tag) => ts.getTextOfJSDocComment(tag.comment) ?? '')
    if (comment.length > 0) last = comment.join(' ').replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')
    return { name: member.name?.getText(file) ?? '', description: last }
  })
}

function defaultsIn(file: ts.SourceFile, name: string): Map<string, string> {
  const found = new Map<string, string>()
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText(file) === name && node.initializer !== undefined) {
      const value = ts.isAsExpression(node.initializer) ? node.initializer.expression : node.initializer
      if (ts.isObjectLiteralExpression(value)) {
        for (const property of value.properties) {
          if (ts.isPropertyAssignment(property))
            found.set(property.name.getText(file), formatNumber(property.initializer.getText(file)))
        }
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** The binary units, largest first. */
const UNITS = [
  { unit: 'GiB', bytes: 1024 ** 3 },
  { unit: 'MiB', bytes: 1024 ** 2 },
  { unit: 'KiB', bytes: 1024 },
] as const

/** Formats `16 * 1024 * 1024` as 16 MiB and `100_000` as 100,000. A product with a factor of 1024 is a size. */
function formatNumber(source: string): string {
  const factors = source
    .replaceAll('_', '')
    .split('*')
    .map((text) => Number(text.trim()))
  if (factors.some((factor) => Number.isNaN(factor))) return source
  const value = factors.reduce((product, factor) => product * factor, 1)
  const isSize = factors.length > 1 && factors.includes(1024)
  const largest = isSize ? UNITS.find(({ bytes }) => value % bytes === 0) : undefined
  return largest === undefined ? value.toLocaleString('en-US') : `${value / largest.bytes} ${largest.unit}`
}

if (process.argv[1] === import.meta.filename) writeFileSync(LIMITS_PAGE, limitsPage())
