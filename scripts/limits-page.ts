/** Writes docs/reference/limits.md from the options in the source: every number with a name, its default and what it is for. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '..')
export const LIMITS_PAGE: string = join(ROOT, 'docs/reference/limits.md')

/** Where the numbers are: an interface that says what each is for, and a constant with its default. */
const TABLES = [
  {
    title: 'The protocol',
    about: 'Options of `startNode`. Give every node the same election timeouts.',
    file: 'src/core/options.ts',
    interface: 'RaftOptions',
    defaults: 'RAFT_DEFAULTS',
  },
  {
    title: 'A node',
    about:
      'Options of `startNode`. At a limit the caller gets `ERR_RAFT_OVERLOADED` or `ERR_RAFT_TOO_LARGE` with both numbers.',
    file: 'src/runtime/options.ts',
    interface: 'RuntimeOptions',
    defaults: 'RUNTIME_DEFAULTS',
  },
  {
    title: 'Links between nodes',
    about:
      'Options of `GrpcTransport` (`quorate/grpc`). What does not fit is dropped, as a network might, and sent again by Raft.',
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
    title: 'What clients are granted',
    about: 'Options of `clientService` and `adminService` (`quorate/grpc`).',
    file: 'src/grpc/shared/service-limits.ts',
    interface: 'ServiceLimits',
    defaults: 'SERVICE_LIMITS',
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
    file: 'src/grpc/client/request-stream.ts',
    interface: 'StreamLimits',
    defaults: 'GRPC_CLIENT_DEFAULTS',
    defaultsFile: 'src/grpc/client/client-channel.ts',
  },
] as const

export function limitsPage(): string {
  const head = [
    '# Limits',
    '',
    'Every queue, window, cache, retry and file has a limit with a name and a default. This page is written from the source by',
    '`make fix`; a test compares them. `…Bytes` are bytes, `…Ms` milliseconds.',
    '',
  ]
  return [...head, ...TABLES.flatMap(section)].join('\n')
}

function section(table: (typeof TABLES)[number]): string[] {
  const descriptions = descriptionsIn(parse(table.file), table.interface)
  const defaults = defaultsIn(parse('defaultsFile' in table ? table.defaultsFile : table.file), table.defaults)
  const rows = descriptions
    .filter(({ name }) => defaults.has(name))
    .map(({ name, meaning }) => `| \`${name}\` | ${defaults.get(name)} | ${meaning} |`)
  if (rows.length === 0) throw new Error(`${table.file} has no numbers in ${table.interface} and ${table.defaults}`)
  return [`## ${table.title}`, '', table.about, '', '| name | default | what it limits |', '|---|---|---|', ...rows, '']
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.Latest, true)
}

/** The members of an interface with their comments. One without a comment shares that of the one before. */
function descriptionsIn(file: ts.SourceFile, name: string): { name: string; meaning: string }[] {
  const declaration = file.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  )
  let last = ''
  return (declaration?.members ?? []).map((member) => {
    const comment = ts.getJSDocCommentsAndTags(member).map((tag) => ts.getTextOfJSDocComment(tag.comment) ?? '')
    if (comment.length > 0) last = comment.join(' ').replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')
    return { name: member.name?.getText(file) ?? '', meaning: last }
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

/** `16 * 1024 * 1024` as 16 MiB, `100_000` as 100,000. */
function formatNumber(source: string): string {
  const factors = source
    .replaceAll('_', '')
    .split('*')
    .map((text) => Number(text.trim()))
  if (factors.some((factor) => Number.isNaN(factor))) return source
  const kibi = factors.slice(1).filter((factor) => factor === 1024).length
  if (kibi === factors.length - 1 && kibi > 0) return `${factors[0]} ${['', 'KiB', 'MiB', 'GiB'][kibi]}`
  return factors.reduce((product, factor) => product * factor, 1).toLocaleString('en-US')
}

if (process.argv[1] === import.meta.filename) writeFileSync(LIMITS_PAGE, limitsPage())
