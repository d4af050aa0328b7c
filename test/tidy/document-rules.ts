/** Lists that stand twice, in the source for programs and in docs/reference for people, and must not drift apart. */
import ts from 'typescript'
import { nodesOf, type Repository, type RepositoryFile, sourceFiles } from './repository.ts'
import type { Rule } from './rule.ts'

const ERRORS = 'docs/reference/errors.md'
const LIMITS = 'docs/reference/limits.md'

export const documentRules: readonly Rule[] = [
  {
    statement: 'every error code has its heading in the reference, and every heading its code',
    remedy: `Write "## \`ERR_RAFT_…\`" in ${ERRORS}: what happened, what the caller may conclude, what to do.`,
    violations: (house) => {
      const page = fileAt(house, ERRORS)
      const errors = house.find((file) => file.path === 'src/errors.ts')
      if (page === undefined || errors === undefined) return []
      const codes = codesOf(errors)
      const headings = new Set([...page.text.matchAll(/^#+ .*?\b(ERR_RAFT_[A-Z_]+)/gm)].map((match) => match[1] ?? ''))
      return [
        ...codes.filter((code) => !headings.has(code)).map((code) => `${code} has no heading`),
        ...[...headings].filter((code) => !codes.includes(code)).map((code) => `${code} is no code of ours`),
      ]
    },
    rejected: [
      { 'src/errors.ts': 'export const ERROR_CODES = { ERR_RAFT_A: 1 }', [ERRORS]: '# Errors' },
      { 'src/errors.ts': 'export const ERROR_CODES = {}', [ERRORS]: '## `ERR_RAFT_A`' },
      { 'src/errors.ts': 'export const ERROR_CODES = { ERR_RAFT_A: 1 }', [ERRORS]: 'see ERR_RAFT_A' },
    ],
    accepted: [{ 'src/errors.ts': 'export const ERROR_CODES = { ERR_RAFT_A: 1 }', [ERRORS]: '## `ERR_RAFT_A`' }],
  },
  {
    statement: 'every number one can set is named in the list of limits',
    remedy: `Add a line to ${LIMITS}: the option, its default, and what happens at the limit.`,
    violations: (house) => {
      const page = fileAt(house, LIMITS)
      if (page === undefined) return []
      return numericOptionsOf(house).filter((name) => !page.text.includes(`\`${name}\``))
    },
    rejected: [
      { 'src/core/options.ts': 'export interface RaftOptions { readonly readsMax: number }', [LIMITS]: '' },
      {
        'src/grpc/options.ts': 'export interface GrpcOptions { readonly readsMax?: number | undefined }',
        [LIMITS]: '',
      },
    ],
    accepted: [
      {
        'src/core/options.ts': 'export interface RaftOptions { readonly readsMax: number; readonly id: string }',
        [LIMITS]: '| `readsMax` | 1 |',
      },
    ],
  },
]

function fileAt(repository: Repository, path: string): RepositoryFile | undefined {
  return repository.find((file) => file.path === path)
}

/** The keys of the one object that lists the codes. */
function codesOf(errors: RepositoryFile): string[] {
  return [...nodesOf(errors.tree)]
    .filter(ts.isPropertyAssignment)
    .map((property) => property.name.getText())
    .filter((name) => name.startsWith('ERR_RAFT_'))
}

/** The numeric members of every interface called …Options in a file called …options.ts; a seed is no limit, nor is a function. */
function numericOptionsOf(repository: Repository): string[] {
  return sourceFiles(repository)
    .filter((file) => /[/-]options\.ts$/.test(file.path) && !file.path.startsWith('src/testing/'))
    .flatMap((file) => [...nodesOf(file.tree)])
    .filter(ts.isInterfaceDeclaration)
    .filter((declaration) => declaration.name.text.endsWith('Options'))
    .flatMap((declaration) => [...declaration.members])
    .filter(ts.isPropertySignature)
    .filter((member) => /^number\b/.test(member.type?.getText() ?? ''))
    .map((member) => member.name.getText())
    .filter((name) => name !== 'seed')
}
