/** Links of documents: where a file of the repository is on the site, and how the links of a page change. */
import { posix } from 'node:path'

/** Code, in which nothing is a link, or a link: `](target)`. */
const CODE_OR_LINK = /^```[\s\S]*?^```|`[^`\n]*`|\]\((?<target>[^)\s]+)\)/gm

/**
 * The path on the site of a file of the repository, without a leading slash. Pages of docs/ are at the top; other Markdown files are pages
 * below repository/, and other files are copied there as text.
 */
export function sitePath(path: string): string {
  const place = path.startsWith('docs/') ? path.slice('docs/'.length) : posix.join('repository', path)
  if (!place.endsWith('.md')) return path.startsWith('docs/') ? place : `${place}.txt`
  return place.replace(/(^|\/)README\.md$/, '$1index.md')
}

/** The files of the repository to which a page links, without anchors. A folder ends with a slash. */
export function linkedPaths(page: string, text: string): string[] {
  return [...text.matchAll(CODE_OR_LINK)]
    .map((match) => match.groups?.target)
    .filter((target) => target !== undefined && isRelative(target))
    .map((target) => posix.join(posix.dirname(page), (target as string).replace(/#.*$/, '')))
}

/** The text of a page, with its relative links leading to the places of the files on the site; `isFolder` is asked about paths in the repository. */
export function rewriteLinks(page: string, text: string, isFolder: (path: string) => boolean): string {
  return text.replaceAll(CODE_OR_LINK, (whole, target: string | undefined) => {
    if (target === undefined || !isRelative(target)) return whole
    const [path = '', anchor] = target.split('#')
    const linked = posix.join(posix.dirname(page), path)
    const place = isFolder(linked) ? sitePath(posix.join(linked, 'README.md')) : sitePath(linked)
    const relative = posix.relative(posix.dirname(sitePath(page)), place)
    const dotted = relative.startsWith('.') ? relative : `./${relative}`
    return `](${dotted}${anchor === undefined ? '' : `#${anchor}`})`
  })
}

function isRelative(target: string): boolean {
  return !/^([a-z]+:|#|\/)/.test(target)
}
