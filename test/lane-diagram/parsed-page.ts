/** A page as elements, and what a page with a lane diagram must not contain: parts that it would load, and elements made of its texts. */
import { parseHTML } from 'linkedom'

/** The part of the DOM that the tests use. TypeScript's own types of it are for programs that run in browsers. */
export interface PageElement {
  readonly tagName: string
  readonly textContent: string
  readonly outerHTML: string
  readonly attributes: Iterable<{ readonly name: string }>
  getAttribute(name: string): string | null
  querySelector(selector: string): PageElement | null
  querySelectorAll(selector: string): Iterable<PageElement> & { readonly length: number }
}

export function parsePage(page: string): PageElement {
  return (parseHTML(page) as unknown as { readonly document: PageElement }).document
}

const ELEMENTS = new Set(
  [
    ...['html', 'head', 'meta', 'title', 'style', 'body', 'header', 'nav', 'section', 'article', 'details', 'summary'],
    ...['h1', 'h2', 'h3', 'p', 'div', 'span', 'ul', 'ol', 'li', 'dl', 'dt', 'dd', 'pre', 'kbd'],
    ...['button', 'input', 'label', 'output', 'svg', 'g', 'rect', 'path', 'text', 'script'],
  ].map((name) => name.toUpperCase()),
)
const SCRIPTS = 2

export function foreignParts(page: string): string[] {
  const document = parsePage(page)
  const elements = [...document.querySelectorAll('*')]
  const foreign = elements.filter(({ tagName }) => !ELEMENTS.has(tagName.toUpperCase())).map(({ tagName }) => tagName)
  const attributes = elements.flatMap((element) =>
    [...element.attributes].map(({ name }) => name).filter((name) => /^(?:src|href|action|srcset|on.*)$/i.test(name)),
  )
  const scripts = [...document.querySelectorAll('script')]
  const styles = [...document.querySelectorAll('style')].flatMap(
    ({ textContent }) => textContent.match(/url\(|@import/g) ?? [],
  )
  const calls = scripts.at(-1)?.textContent.match(/fetch|XMLHttpRequest|innerHTML|import\(|https?:/g) ?? []
  return [...foreign, ...attributes, ...styles, ...calls, ...(scripts.length === SCRIPTS ? [] : ['scripts'])]
}
