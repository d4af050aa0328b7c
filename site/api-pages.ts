/** Writes the API pages of the site with TypeDoc, from the docstrings of what the subpaths of package.json export. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { copyFile } from './pages.ts'

/** A section of the sidebar, as VitePress expects it. */
export interface SidebarItem {
  readonly text: string
  readonly link?: string
  readonly collapsed?: boolean
  readonly items?: readonly SidebarItem[]
}

/** Writes the pages below `api/` of a folder, and copies the source files to which they link. Returns their sidebars. */
export function writeApiPages(root: string, folder: string): Record<string, SidebarItem[]> {
  const out = join(folder, 'api')
  const program = join(root, 'site/node_modules/typedoc/bin/typedoc')
  const args = ['--options', join(root, 'site/typedoc.config.mjs'), '--out', out, '--docsRoot', folder]
  const { status } = spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('TypeDoc failed')
  for (const path of linkedSources(out)) copyFile(root, path, folder)
  const file = join(out, 'typedoc-sidebar.json')
  const [main, ...others] = JSON.parse(readFileSync(file, 'utf8')) as [SidebarItem, ...SidebarItem[]]
  rmSync(file)
  if (others.length > 0) throw new Error('TypeDoc found modules outside of the package')
  return sidebarsOf(main)
}

/**
 * One sidebar for each subpath, by the folder of its pages: all subpaths, with the names of this one. TypeDoc nests the subpaths in the
 * main one, like folders; only they have a link among its items.
 */
export function sidebarsOf(main: SidebarItem): Record<string, SidebarItem[]> {
  const items = main.items ?? []
  const isModule = (item: SidebarItem) => item.link !== undefined
  const subpaths = items.filter(isModule).map((item) => ({ ...item, text: `${main.text}/${item.text}` }))
  const modules = [{ ...main, items: items.filter((item) => !isModule(item)) }, ...subpaths]
  const sidebarOf = (open: SidebarItem | undefined) =>
    modules.map((each) => {
      const { items: names = [], text, link = '' } = each
      return each === open
        ? { text, link, items: names.map((item) => ({ ...item, collapsed: false })) }
        : { text, link }
    })
  return Object.fromEntries([
    ['/api/', sidebarOf(undefined)],
    ...modules.map((module) => [module.link as string, sidebarOf(module)]),
  ])
}

/** The source files to which the API pages link. */
function linkedSources(folder: string): Set<string> {
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
  const texts = pages.map((name) => readFileSync(join(folder, name), 'utf8'))
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/\(\/repository\/(src\/[^)]+)\.txt\)/g)].map((match) => match[1] ?? '')),
  )
}
