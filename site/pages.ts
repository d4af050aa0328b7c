/** Writes the pages of the site: those of docs/, the files of the repository to which they link, and the playground. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { documentPaths } from './contents.ts'
import { linkedPaths, rewriteLinks, sitePath } from './links.ts'

/** Pages that are part of the site although no page may link to them. */
const ALWAYS = ['docs/README.md', 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']

/** Writes all pages into a folder, whose folder `public` has what is not a page. */
export function writePages(root: string, folder: string): void {
  const isFolder = (path: string) => existsSync(join(root, path)) && statSync(join(root, path)).isDirectory()
  const queue = [...ALWAYS, ...documentPaths(root)]
  const written = new Set<string>()
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const file = isFolder(path) ? posix.join(path, 'README.md') : path
    if (written.has(file)) continue
    written.add(file)
    if (!file.endsWith('.md')) {
      copyFile(root, file, folder)
      continue
    }
    const text = existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : listing(root, path)
    queue.push(...linkedPaths(file, text))
    write(join(folder, sitePath(file)), rewriteLinks(file, text, isFolder))
    // The same text for programs that read llms.txt.
    write(join(folder, 'public', sitePath(file)), rewriteLinks(file, text, isFolder))
  }
  for (const page of ['playground', 'dashboard'])
    cpSync(join(root, 'dist/pages', page), join(folder, 'public', page), { recursive: true })
}

/** Copies a file to its place: images beside the pages, other files as text to where links of pages lead. */
export function copyFile(root: string, path: string, folder: string): void {
  const place = sitePath(path)
  write(
    place.startsWith('repository/') ? join(folder, 'public', place) : join(folder, place),
    readFileSync(join(root, path), 'utf8'),
  )
}

/** A page for a folder that has no README.md: what is in it. */
function listing(root: string, folder: string): string {
  const names = readdirSync(join(root, folder), { withFileTypes: true })
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort()
  const lines = names.map((name) => `- [${name}](${name})`)
  return `# ${folder}\n\n${lines.join('\n')}\n`
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
