/** Rules that keep the reference pages complete, and the links and paths in documents valid. */
import { posix } from 'node:path'
import ts from 'typescript'
import { nodesOf, type Repository, type RepositoryFile, sourceFiles } from './repository.ts'
import type { Rule } from './rule.ts'

const ERRORS = 'docs/reference/errors.md'
const LIMITS = 'docs/reference/limits.md'

export const documentRules: readonly Rule[] = [
  {
    statement: 'every error code has a heading in the reference, and every heading a code',
    remedy: `Write "## \`ERR_RAFT_…\`" in ${ERRORS}: what happened, what the caller can conclude, what to do.`,
    violations: (repository) => {
      const page = fileAt(repository, ERRORS)
      const errors = repository.find((file) => file.path === 'src/errors.ts')
      if (page === undefined || errors === undefined) return []
      const codes = codesOf(errors)
      const headings = new Set([...page.text.matchAll(/^#+ .*?\b(ERR_RAFT_[A-Z_]+)/gm)].map((match) => match[1] ?? ''))
      return [
        ...codes.filter((code) => !headings.has(code)).map((code) => `${code} has no heading`),
        ...[...headings].filter((code) => !codes.includes(code)).map((code) => `${code} is not an error code`),
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
    statement: 'every numeric option is listed on the page of limits',
    remedy: `Run \`make fix\`, which writes ${LIMITS}; a new file of options needs an entry in scripts/limits-page.ts.`,
    violations: (repository) => {
      const page = fileAt(repository, LIMITS)
      if (page === undefined) return []
      return numericOptionsOf(repository).filter((name) => !page.text.includes(`\`${name}\``))
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
  {
    statement: 'a document says that a version is not released yet only while the changelog says so',
    remedy: 'Remove the sentence: the package can be installed from the registry.',
    violations: (repository) => {
      const changelog = fileAt(repository, 'CHANGELOG.md')?.text ?? ''
      return repository
        .filter(({ path }) => path.endsWith('.md'))
        .flatMap(({ path, text }) =>
          [...text.matchAll(/Version (\S+) is not released yet/g)]
            .filter(([, version]) => !changelog.includes(`## ${version} (unreleased)`))
            .map(([sentence]) => `${path}: ${sentence}`),
        )
    },
    rejected: [{ 'README.md': 'Version 0.1.0 is not released yet.', 'CHANGELOG.md': '## 0.1.0 (2026-12-01)' }],
    accepted: [{ 'README.md': 'Version 0.1.0 is not released yet.', 'CHANGELOG.md': '## 0.1.0 (unreleased)' }],
  },
  {
    statement: 'every relative link in a document leads to an existing file',
    remedy: 'Fix the path, or write the page.',
    violations: (repository) => {
      const paths = new Set(repository.flatMap((file) => [file.path, ...foldersOf(file.path)]))
      return repository
        .filter((file) => file.path.endsWith('.md'))
        .flatMap((file) =>
          linksOf(file)
            .filter((link) => !paths.has(posix.join(posix.dirname(file.path), link).replace(/\/$/, '')))
            .map((link) => `${file.path} links to ${link}`),
        )
    },
    rejected: [{ 'README.md': 'See [limits](docs/limits.md).' }, { 'docs/a.md': '[b](./b.md#top)', 'b.md': '' }],
    accepted: [
      {
        'docs/a.md': '[b](../b.md#top) [web](https://example.org) [here](#below) [folder](../src/)',
        'b.md': '',
        'src/a.ts': '',
      },
    ],
  },
  {
    statement: 'every path of a source file that a document names exists',
    remedy: 'Fix the path: the file was moved, renamed or removed.',
    violations: (repository) => {
      const paths = new Set(repository.flatMap((file) => [file.path, ...foldersOf(file.path)]))
      return repository
        .filter((file) => file.path.endsWith('.md'))
        .flatMap((file) =>
          [...file.text.matchAll(/`((src|test|examples|bench|chaos|scripts|proto)\/[\w./-]*\w)\/?`/g)]
            .map((match) => match[1] ?? '')
            .filter((path) => /\.(ts|md|proto)$/.test(path) || !/\.\w+$/.test(path))
            .filter((path) => !paths.has(path))
            .map((path) => `${file.path} names ${path}`),
        )
    },
    rejected: [{ 'docs/a.md': 'See `src/core/raft.ts`.' }, { 'docs/a.md': 'The files of `src/core/` are pure.' }],
    accepted: [{ 'docs/a.md': 'See `src/core/raft.ts` and `test/scenarios/*.txt`.', 'src/core/raft.ts': '' }],
  },
]

function fileAt(repository: Repository, path: string): RepositoryFile | undefined {
  return repository.find((file) => file.path === path)
}

/** The keys of the object that lists the codes. */
function codesOf(errors: RepositoryFile): string[] {
  return [...nodesOf(errors.tree)]
    .filter(ts.isPropertyAssignment)
    .map((property) => property.name.getText())
    .filter((name) => name.startsWith('ERR_RAFT_'))
}

/** The numeric members of every interface named …Options in a file named …options.ts, without seeds. */
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

function foldersOf(path: string): string[] {
  const parent = posix.dirname(path)
  return parent === '.' ? [] : [parent, ...foldersOf(parent)]
}

/** The targets of a document's Markdown links, except links to the web and within the page. */
function linksOf(file: RepositoryFile): string[] {
  const prose = file.text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^([a-z]+:|#)/.test(link))
    .map((link) => link.replace(/#.*$/, ''))
}
