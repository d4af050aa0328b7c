/** The table of contents of the documentation, read from the tables of docs/README.md. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

export interface Section {
  readonly title: string
  readonly pages: readonly Page[]
}

export interface Page {
  /** The path in the repository. */
  readonly path: string
  readonly title: string
  /** What a reader finds there: the first column of its row, or empty. */
  readonly summary: string
}

const INDEX = 'docs/README.md'
/** A row of a table, whose second column has a link: `| text | [title](target) |`. */
const ROW = /^\| (?<summary>.*?) \| .*?\[(?<title>[^\]]+)\]\((?<target>[^)\s]+)\) \|$/

/** The sections of the index in their order. A row that links to a folder stands for all pages of the folder. */
export function readContents(root: string): Section[] {
  const sections: { title: string; pages: Page[] }[] = []
  for (const line of readFileSync(join(root, INDEX), 'utf8').split('\n')) {
    const title = /^\*\*(.+)\*\*$/.exec(line)?.[1]
    if (title !== undefined) sections.push({ title, pages: [] })
    const row = ROW.exec(line)?.groups
    if (row !== undefined) sections.at(-1)?.pages.push(...pagesOf(root, row as Record<keyof typeof row, string>))
  }
  return sections
}

/** All pages of docs/ besides the index, as paths in the repository. */
export function documentPaths(root: string): string[] {
  return readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join('docs', name.replaceAll('\\', '/')))
    .filter((path) => path.endsWith('.md') && path !== INDEX)
    .sort()
}

/** The first heading of a page. */
export function headingOf(root: string, path: string): string {
  const heading = /^# (.+)$/m.exec(readFileSync(join(root, path), 'utf8'))?.[1]
  if (heading === undefined) throw new Error(`${path} has no heading`)
  return heading.replaceAll('`', '')
}

function pagesOf(root: string, { summary = '', title = '', target = '' }: Readonly<Record<string, string>>): Page[] {
  const path = posix.join('docs', target)
  if (!existsSync(join(root, path))) throw new Error(`${INDEX} links to ${target}, which does not exist`)
  if (!path.endsWith('/')) return [{ path, title: capitalized(title.replace(/^tutorial: /, '')), summary }]
  return readdirSync(join(root, path))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => ({ path: path + name, title: headingOf(root, path + name), summary: '' }))
}

function capitalized(title: string): string {
  return title.charAt(0).toUpperCase() + title.slice(1)
}
